"""`make deploy` passes the parameters of samconfig.toml and the processor of the build."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tomlkit
from samcli.cli.types import CfnParameterOverridesType

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


if __name__ == "__main__":
    unittest.main()
