"""`make deploy`: its stages, and the architecture of the built template."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tomlkit
from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = Path(__file__).resolve().parents[2]


class Command(unittest.TestCase):
    def test_sam_deploys_the_stage_of_samconfig(self):
        # Treats the prerequisites as done.
        command = ["make", "--silent", "deploy", "STAGE=staging", "SAM=echo", "--old-file=check-template", "--old-file=build"]
        arguments = subprocess.check_output(command, cwd=ROOT, text=True).split()
        expected = ["deploy", "--config-file", f"{ROOT}/samconfig.toml", "--config-env", "staging"]
        self.assertEqual(arguments, [*expected, "--template-file", ".aws-sam/build/template.yaml"])


class Architecture(unittest.TestCase):
    def test_a_built_template_has_the_architecture_in_place_of_the_parameter(self):
        source = (ROOT / "template.yaml").read_text()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "template.yaml")
            # As `sam build` writes it.
            path.write_text(yaml_dump(yaml_parse(source)))
            subprocess.check_call([sys.executable, ROOT / "scripts" / "pin_architecture.py", path, "x86_64"])
            built = path.read_text()
        self.assertNotIn("Architecture", yaml_parse(built)["Parameters"])
        self.assertEqual(yaml_parse(built)["Globals"]["Function"]["Architectures"], ["x86_64"])
        self.assertIn("Architecture=x86_64\n", built)
        # Nothing refers to the parameter, or lists it.
        self.assertNotRegex(built, r"(Ref: |\$\{|- )Architecture\b")


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
