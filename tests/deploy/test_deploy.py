"""`make deploy`: its stages, and the parameters that it passes to SAM."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tomlkit
from samcli.cli.types import CfnParameterOverridesType
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import deploy  # noqa: E402


def read(arguments):
    """The parameters in the arguments of `sam deploy`, parsed by SAM."""
    after = arguments[arguments.index("--parameter-overrides") + 1 :]
    return CfnParameterOverridesType().convert(tuple(after), None, None)


def made(stage, architecture):
    """The arguments that `make deploy` passes to SAM."""
    with tempfile.TemporaryDirectory() as folder:
        sam = Path(folder, "sam")
        sam.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        sam.chmod(0o755)
        command = ["make", "--silent", "deploy", f"STAGE={stage}", f"ARCHITECTURE={architecture}"]
        # Treats its prerequisites as done.
        command += ["--old-file=check-template", "--old-file=build", f"SAM={sam}"]
        return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()


def configured(stage):
    """{name: value} of samconfig.toml, parsed independently."""
    config = tomlkit.parse((ROOT / "samconfig.toml").read_text())
    overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"]
    return dict(override.split("=", 1) for override in overrides)


class CommandLine(unittest.TestCase):
    def test_make_deploy_passes_the_parameters_of_the_stage_and_the_processor(self):
        for stage in ("staging", "production"):
            for architecture in ("arm64", "x86_64"):
                arguments = made(stage, architecture)
                self.assertEqual(
                    arguments[: arguments.index("--parameter-overrides")],
                    [
                        *("deploy", "--config-file", str(ROOT / "samconfig.toml")),
                        *("--config-env", stage),
                        *("--template-file", ".aws-sam/build/template.yaml"),
                    ],
                )
                expected = configured(stage) | {"Architecture": architecture}
                self.assertEqual(read(arguments), expected)

    def test_sam_parses_each_value_of_samconfig_unchanged(self):
        values = {
            "JwtAudience": "an audience (with spaces)",
            "CorsAllowOrigins": "https://a.example,https://b.example",
            "CalendlyPatSecretId": "calendly/pat/{sub}",
            "JwtJwksUrl": "https://issuer.example/keys?a=b&c=d",
            "JwtRequiredScope": "it's",
            "AlarmTopicArn": "",
        }
        listed = [f'{name}="{value}"' for name, value in values.items()]
        for overrides in (listed, " ".join(listed), values):
            with tempfile.TemporaryDirectory() as folder:
                config = {"version": 0.1, "staging": {"deploy": {"parameters": {}}}}
                config["staging"]["deploy"]["parameters"]["parameter_overrides"] = overrides
                Path(folder, "samconfig.toml").write_text(tomlkit.dumps(config))
                found = deploy.parameters("staging", folder)
            self.assertEqual(found, values)
            arguments = deploy.command("sam", "staging", "built.yaml", "arm64", found)
            self.assertEqual(read(arguments), values | {"Architecture": "arm64"})

    def test_a_stage_with_the_other_processor_is_refused(self):
        with self.assertRaisesRegex(
            deploy.OtherProcessor, "make deploy STAGE=staging ARCHITECTURE=x86_64"
        ):
            wanted = {"Architecture": "x86_64"}
            deploy.command("sam", "staging", "built.yaml", "arm64", wanted)


class Stages(unittest.TestCase):
    def setUp(self):
        config = tomlkit.parse((ROOT / "samconfig.toml").read_text()).unwrap()
        self.stages = {
            name: stage["deploy"]["parameters"]
            for name, stage in config.items()
            if isinstance(stage, dict) and "deploy" in stage
        }

    def test_staging_and_production_are_two_stacks(self):
        self.assertEqual(set(self.stages), {"staging", "production"})
        names = {stage["stack_name"] for stage in self.stages.values()}
        self.assertEqual(len(names), len(self.stages))

    def test_they_set_only_parameters_of_the_template(self):
        declared = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
        for stage in self.stages.values():
            for override in stage["parameter_overrides"]:
                name, _, value = override.partition("=")
                self.assertIn(name, declared)
                self.assertIn(value, [*map(str, declared[name].get("AllowedValues", [value]))])

    def test_without_a_stage_make_lists_the_stages(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        for stage in ([], ["STAGE=nowhere"]):
            command = ["make", "check-stage", *stage]
            result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("STAGE is one of staging production", result.stdout)

    def test_production_asks_for_confirmation(self):
        self.assertIs(self.stages["production"]["confirm_changeset"], True)


if __name__ == "__main__":
    unittest.main()
