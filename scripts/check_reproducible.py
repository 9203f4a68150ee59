"""`make check-reproducible`: builds the last commit twice, in two folders, and compares the zip files.

The folders have names of different lengths and share nothing compiled. Takes as long as two clean builds.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local import ROOT

FOLDERS = ["first", "a-second-one/further-down"]


class NotReproducible(Exception):
    """The builds differ; the message says where."""


def export(folder):
    """Exports the files of the last commit, and links the installed tools."""
    folder.mkdir(parents=True)
    archive = subprocess.check_output(["git", "archive", "--format=tar", "HEAD"], cwd=ROOT)
    subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive, check=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")


def build(folder, architecture):
    """The release files of an architecture, built in a folder: {name: bytes}."""
    moment = subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True)
    environment = os.environ | {"SOURCE_DATE_EPOCH": moment.strip()}
    environment.pop("MAKEFLAGS", None)
    built, target = folder / ".aws-sam" / "build", folder / "dist"
    make = ["make", "--no-print-directory", "build", f"ARCHITECTURE={architecture}"]
    package = [".venv/bin/python", "scripts/release.py", str(built), architecture, str(target)]
    for command in (make, package):
        subprocess.check_call(command, cwd=folder, env=environment)
    return {file.name: file.read_bytes() for file in sorted(target.iterdir())}


def differences(first, second):
    """The differences between two builds, one line each."""
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            yield f"{name} is in one of them only"
        elif first[name] != second[name]:
            pairs = zip(first[name], second[name])
            place = next((i for i, (a, b) in enumerate(pairs) if a != b), "their ends")
            yield (f"{name}: {len(first[name])} and {len(second[name])} bytes, which differ from {place} on")


def main():
    architecture = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        builds = []
        for name in FOLDERS:
            folder = Path(scratch) / name
            export(folder)
            builds.append(build(folder, architecture))
    found = list(differences(*builds))
    if found:
        raise NotReproducible("two builds of one commit differ:\n  " + "\n  ".join(found))
    print(f"check-reproducible: {len(builds[0])} files are the same in both, byte for byte")


if __name__ == "__main__":
    try:
        main()
    except (NotReproducible, subprocess.CalledProcessError) as problem:
        sys.exit(f"check-reproducible: {problem}")
