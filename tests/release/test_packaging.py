"""Packaged templates deploy the zip files beside them."""

import copy
import io
import subprocess
import unittest
import zipfile

from elftools.elf.elffile import ELFFile
from samcli.yamlhelper import yaml_parse

from release_files import ARCHITECTURES, DIST, ROOT
from local import BINARY_NAMES
from pin_architecture import pin
from release import compiled_functions, stacks, zip_name

SOURCE = yaml_parse((ROOT / "template.yaml").read_text())
SAM = ROOT / ".venv" / "bin" / "sam"
# The time limit of SAM on a busy machine.
SECONDS = 300
MACHINES = {"x86_64": "x64", "arm64": "AArch64"}


class ZipFiles(unittest.TestCase):
    def test_each_holds_one_executable_for_its_processor(self):
        for architecture in ARCHITECTURES:
            for function in BINARY_NAMES:
                with zipfile.ZipFile(DIST / zip_name(function, architecture)) as file:
                    [entry] = file.infolist()
                    executable = ELFFile(io.BytesIO(file.read(entry)))
                self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
                self.assertEqual(entry.date_time, (1980, 1, 1, 0, 0, 0))
                self.assertEqual(executable.get_machine_arch(), MACHINES[architecture])


class Templates(unittest.TestCase):
    def test_only_code_and_architecture_differ_from_the_source(self):
        for architecture in ARCHITECTURES:
            expected = copy.deepcopy(SOURCE)
            pin(expected, architecture)
            del expected["Globals"]["Function"]["CodeUri"]
            template = yaml_parse((DIST / f"template-{architecture}.yaml").read_text())
            for resource, function in compiled_functions(SOURCE).items():
                code = template["Resources"][resource]["Properties"].pop("CodeUri")
                self.assertEqual(code, f"./{zip_name(function, architecture)}")
                for name in ("BuildMethod", "BuildProperties"):
                    del expected["Resources"][resource]["Metadata"][name]
                expected["Resources"][resource]["Properties"].pop("CodeUri", None)
            for resource, file in stacks(SOURCE).items():
                beside = template["Resources"][resource]["Properties"].pop("TemplateURL")
                self.assertEqual((DIST / beside).read_bytes(), (ROOT / file).read_bytes())
                del expected["Resources"][resource]["Properties"]["TemplateURL"]
            self.assertEqual(template, expected)

    def test_every_function_is_packaged(self):
        functions = {name for name, body in SOURCE["Resources"].items() if body["Type"] == "AWS::Serverless::Function"}
        self.assertEqual(set(compiled_functions(SOURCE)), functions)

    def test_they_are_valid(self):
        for architecture in ARCHITECTURES:
            command = [SAM, "validate", "--lint", "--template-file", DIST / f"template-{architecture}.yaml"]
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
