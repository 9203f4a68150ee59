"""The bill of materials lists the contents of the executables."""

import hashlib
import json
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path

from release_files import ARCHITECTURES, DIST
import sbom
from local import BINARY_NAMES, ROOT
from release import zip_name

TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}


def linked_packages(target):
    """{(name, version)} of everything that the functions link on a target."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--target", target]
    command += [argument for function in BINARY_NAMES for argument in ("--package", function)]
    lines = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    return {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(None, lines))}


class BillOfMaterials(unittest.TestCase):
    def test_every_linked_package_is_listed(self):
        for architecture in ARCHITECTURES:
            target = TARGETS[architecture]
            linked = linked_packages(target)
            components = json.loads((DIST / f"sbom-{architecture}.cdx.json").read_text())["components"]
            listed = {(component["name"], component["version"]) for component in components}
            self.assertEqual(linked - listed, set())
            for component in components:
                self.assertTrue(component["licenses"], component["name"])
                if component["name"] == "ring":
                    self.assertEqual(component["scope"], "required")
                    self.assertTrue(component["hashes"][0]["content"])
                if component["name"] == "cc":
                    self.assertEqual(component["scope"], "excluded")

    def test_functions_are_identified_by_their_bytes(self):
        for architecture in ARCHITECTURES:
            components = json.loads((DIST / f"sbom-{architecture}.cdx.json").read_text())["components"]
            for function in BINARY_NAMES:
                with zipfile.ZipFile(DIST / zip_name(function, architecture)) as file:
                    digest = hashlib.sha256(file.read("bootstrap")).hexdigest()
                (component,) = (c for c in components if c["name"] == function)
                self.assertEqual(component["hashes"][0]["content"], digest)

    def test_an_executable_without_auditable_data_is_refused(self):
        with self.assertRaisesRegex(sbom.NotAuditable, "make build"):
            sbom.packages(Path(sys.executable))


if __name__ == "__main__":
    unittest.main()
