"""`make deploy`: its stages, and the tools of `OWN_TOOLS=1`."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tomlkit
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments, **environment):
    return subprocess.run(
        [shutil.which("make"), "--no-print-directory", *arguments],
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


class OwnTools(unittest.TestCase):
    """`make build OWN_TOOLS=1`, up to the first compilation."""

    def build(self, **versions):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "python3").symlink_to(sys.executable)
            for name, version in versions.items():
                tool = Path(folder, name.replace("_", "-"))
                tool.write_text(f"#!/bin/sh\necho '{version}'\n")
                tool.chmod(0o755)
            return make("own-tools", "OWN_TOOLS=1", PATH=folder)

    def test_old_and_missing_tools_stop_the_build(self):
        result = self.build(sam="SAM CLI, version 1.99.0")
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"sam is 1\.99\.0; [\d.]+ or newer is needed")
        self.assertRegex(result.stderr, r"cargo-lambda [\d.]+ or newer is not on the PATH")

    def test_newer_tools_are_accepted(self):
        result = self.build(sam="SAM CLI, version 1.1000.0", cargo_lambda="cargo-lambda 10.0.0 (67129fc 2026-08-21Z)")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_they_are_checked_first(self):
        steps = make("--dry-run", "build", "OWN_TOOLS=1").stdout
        self.assertIn("own_tools.py", steps.splitlines()[0])


if __name__ == "__main__":
    unittest.main()
