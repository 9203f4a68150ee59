"""Checks the files of a release: `.venv/bin/python scripts/check_release.py dist arm64 x86_64`.

The checksums match. Each template is valid and names existing files. Each zip file holds one executable for the
right processor, which the bill of materials describes.
"""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from samcli.yamlhelper import yaml_parse

import archive
import checksums
from local import BINARY_NAMES
from release import sbom_name, stacks, template_name
from tools import BIN

# The processor in an ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {"x86_64": 62, "arm64": 183}


def problems(folder, architectures):
    """The problems of a release, one line each."""
    sums = folder / checksums.NAME
    if not sums.is_file() or sums.read_text() != "".join(checksums.lines(folder)):
        yield f"{checksums.NAME} is not that of the files beside it"
    for architecture in architectures:
        template = folder / template_name(architecture)
        materials = folder / sbom_name(architecture)
        if not template.is_file() or not materials.is_file():
            yield f"{template.name} or {materials.name} is missing"
            continue
        described = hashes(json.loads(materials.read_text()))
        parsed = yaml_parse(template.read_text())
        for file in stacks(parsed).values():
            if not file.startswith("./") or not (folder / file).is_file():
                yield f"{template.name} names {file}, which is not beside it"
        for zip_file in code(parsed):
            name = zip_file.removeprefix("./")
            if zip_file == name or not (folder / name).is_file():
                yield f"{template.name} names {zip_file}, which is not beside it"
                continue
            for problem in zip_problems((folder / name).read_bytes(), architecture, described):
                yield f"{name}: {problem}"


def hashes(materials):
    """The SHA-256 of the functions that a bill of materials describes."""
    return {
        component["hashes"][0]["content"]
        for component in materials["components"]
        if component["name"] in BINARY_NAMES
    }


def code(template):
    """The code of each function of a packaged template, without inline code."""
    for body in template["Resources"].values():
        properties = body.get("Properties", {})
        if body["Type"] == "AWS::Serverless::Function" and "InlineCode" not in properties:
            yield properties.get("CodeUri", "")


def zip_problems(content, architecture, described):
    """The problems of a zip file, one line each."""
    with zipfile.ZipFile(io.BytesIO(content)) as zip_file:
        entries = zip_file.infolist()
        if [entry.filename for entry in entries] != [archive.NAME]:
            yield f"holds {[entry.filename for entry in entries]}, not {archive.NAME} alone"
            return
        executable = zip_file.read(archive.NAME)
    if content != archive.zipped(executable):
        yield "is not what this Python makes of its executable: made by another one?"
    if executable[:4] != b"\x7fELF" or executable[18] != MACHINES[architecture]:
        yield f"is no executable for {architecture}"
    if hashlib.sha256(executable).hexdigest() not in described:
        yield f"is not what {sbom_name(architecture)} describes"


def lint(template):
    """Runs `sam validate --lint` on a template."""
    command = [str(BIN / "sam"), "validate", "--lint", "--template-file", str(template)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        yield f"{template.name}: {result.stdout}{result.stderr}"


def main():
    folder, architectures = Path(sys.argv[1]), sys.argv[2:]
    found = list(problems(folder, architectures))
    for architecture in architectures:
        found += lint(folder / template_name(architecture))
    if found:
        sys.exit("check-release:\n  " + "\n  ".join(found))
    print(f"check-release: {len(list(folder.iterdir()))} files in {folder}")


if __name__ == "__main__":
    main()
