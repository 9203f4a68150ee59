"""A build for one processor cannot be deployed for the other."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = Path(__file__).resolve().parents[2]
SOURCE = yaml_parse((ROOT / "template.yaml").read_text())


class Pinned(unittest.TestCase):
    def test_only_the_parameter_changes_and_it_accepts_only_the_built_processor(self):
        for architecture, other in (("arm64", "x86_64"), ("x86_64", "arm64")):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "template.yaml")
                # As `sam build` writes it.
                path.write_text(yaml_dump(SOURCE))
                subprocess.check_call([sys.executable, ROOT / "scripts" / "pin_architecture.py", path, architecture])
                template = yaml_parse(path.read_text())
            parameter = template["Parameters"]["Architecture"]
            self.assertEqual((parameter["Default"], parameter["AllowedValues"]), (architecture, [architecture]))
            self.assertIn(f"Architecture={architecture}", parameter["ConstraintDescription"])
            self.assertIn(f"ARCHITECTURE={other}", parameter["ConstraintDescription"])
            template["Parameters"]["Architecture"] = SOURCE["Parameters"]["Architecture"]
            self.assertEqual(template, SOURCE)


if __name__ == "__main__":
    unittest.main()
