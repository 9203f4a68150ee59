"""An incomplete release is refused."""

import shutil
import tempfile
import unittest
from pathlib import Path

from release_files import ARCHITECTURES, DIST
import archive
import checksums
from check_release import problems
from release import template_name, zip_name

ARCHITECTURE = ARCHITECTURES[0]
ZIP = zip_name("user", ARCHITECTURE)


class Problems(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name) / "dist"
        shutil.copytree(DIST, self.folder)

    def found(self):
        return "\n".join(problems(self.folder, ARCHITECTURES))

    def write_checksums(self):
        (self.folder / checksums.NAME).write_text("".join(checksums.lines(self.folder)))

    def test_a_complete_release_has_no_problems(self):
        self.assertEqual(self.found(), "")

    def test_a_changed_or_added_file(self):
        for name in (template_name(ARCHITECTURE), "another.zip"):
            with self.subTest(name):
                with (self.folder / name).open("ab") as file:
                    file.write(b"\n")
                self.assertIn(checksums.NAME, self.found())
                self.write_checksums()
                self.assertEqual(self.found(), "")

    def test_a_missing_zip_file(self):
        (self.folder / ZIP).unlink()
        self.write_checksums()
        self.assertIn(f"names ./{ZIP}, which is not beside it", self.found())

    def test_an_executable_without_a_bill_of_materials(self):
        header = bytearray(64)
        header[:4] = b"\x7fELF"
        (self.folder / ZIP).write_bytes(archive.zipped(bytes(header)))
        self.write_checksums()
        self.assertIn(f"is no executable for {ARCHITECTURE}", self.found())
        self.assertIn("is not what sbom", self.found())

    def test_a_missing_nested_stack(self):
        template = self.folder / template_name(ARCHITECTURE)
        text = template.read_text()
        inner = "  Inner:\n    Type: AWS::CloudFormation::Stack\n"
        inner += "    Properties:\n      TemplateURL: ./stack-inner.yaml\n"
        template.write_text(text.replace("\nResources:\n", f"\nResources:\n{inner}"))
        self.write_checksums()
        self.assertIn("names ./stack-inner.yaml, which is not beside it", self.found())

    def test_a_template_that_still_builds(self):
        template = self.folder / template_name(ARCHITECTURE)
        template.write_text(template.read_text().replace(f"./{ZIP}", "."))
        self.write_checksums()
        self.assertIn("which is not beside it", self.found())


if __name__ == "__main__":
    unittest.main()
