"""`make deploy`: its stages and the order of its steps."""

import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

import tomlkit
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments, **environment):
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


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

    def test_production_asks_for_confirmation(self):
        self.assertIs(self.stages["production"]["confirm_changeset"], True)


class Deploy(unittest.TestCase):
    def test_without_a_stage_it_lists_the_stages(self):
        for arguments in ([], ["STAGE=nowhere"]):
            result = make("check-stage", *arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("STAGE is one of staging production", result.stdout)

    def test_it_checks_builds_and_deploys(self):
        result = make("--dry-run", "deploy", "STAGE=staging", "ARCHITECTURE=x86_64")
        steps = [
            "grep -q '^\\[staging",
            "sam validate --lint",
            "cargo lambda build --release --locked --x86-64",
            "sam build --build-dir .aws-sam/build --parameter-overrides Architecture=x86_64",
            "check_artifacts.py .aws-sam/build x86_64",
            "pin_architecture.py .aws-sam/build/template.yaml x86_64",
            "deploy.py",
            "staging .aws-sam/build/template.yaml x86_64",
        ]
        places = [result.stdout.index(step) for step in steps]
        self.assertEqual(places, sorted(places))

    def test_old_tools_of_the_path_stop_it_before_the_build(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, says in {
                "sam": "SAM CLI, version 1.100.0",
                "cargo-lambda": "cargo-lambda 1.0.0",
                "cargo": "built",
            }.items():
                tool = Path(folder, name)
                tool.write_text(f"#!/bin/sh\necho '{says}'\n")
                tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
            path = f"{folder}{os.pathsep}{os.environ['PATH']}"
            result = make("build", "OWN_TOOLS=1", PATH=path)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("sam is 1.100.0; ", result.stderr)
        self.assertIn("cargo-lambda is 1.0.0", result.stderr)
        self.assertNotIn("built", result.stdout)


if __name__ == "__main__":
    unittest.main()
