"""A build for one processor cannot be deployed for the other."""

import sys
import unittest
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import pin_architecture  # noqa: E402


class Pinned(unittest.TestCase):
    def setUp(self):
        # As `sam build` writes it.
        self.built = yaml_dump(yaml_parse((ROOT / "template.yaml").read_text()))

    def test_the_parameter_accepts_only_the_built_processor_and_says_what_to_do(self):
        for architecture, other in (("arm64", "x86_64"), ("x86_64", "arm64")):
            template = yaml_parse(pin_architecture.pinned(self.built, architecture))
            parameter = template["Parameters"]["Architecture"]
            self.assertEqual(parameter["Default"], architecture)
            self.assertEqual(parameter["AllowedValues"], [architecture])
            self.assertIn(f"Architecture={architecture}", parameter["ConstraintDescription"])
            self.assertIn(f"ARCHITECTURE={other}", parameter["ConstraintDescription"])

    def test_nothing_else_changes(self):
        before, after = (
            yaml_parse(self.built),
            yaml_parse(pin_architecture.pinned(self.built, "arm64")),
        )
        for template in (before, after):
            del template["Parameters"]["Architecture"]
        self.assertEqual(before, after)

    def test_a_second_build_pins_again(self):
        once = pin_architecture.pinned(self.built, "arm64")
        twice = yaml_parse(pin_architecture.pinned(once, "x86_64"))
        self.assertEqual(twice["Parameters"]["Architecture"]["AllowedValues"], ["x86_64"])

    def test_another_template_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no parameter Architecture"):
            pin_architecture.pinned("Parameters: {}\n", "arm64")


if __name__ == "__main__":
    unittest.main()
