"""Checks references between files, as part of `make lint`.

The tests that docs/threat-model.md names exist, and .github/dependabot.yml covers each folder that pins versions.
"""

import fnmatch
import re
import subprocess
import sys

from local import ROOT

THREAT_MODEL = "docs/threat-model.md"
DEPENDABOT = ".github/dependabot.yml"
# {Dependabot's ecosystem: files that pin versions}
PINS = {
    "cargo": "*Cargo.lock",
    "npm": "*package-lock.json",
    "pip": "scripts/requirements/*.in",
    "rust-toolchain": "rust-toolchain.toml",
}
# Dependabot finds the workflows from the root.
WORKFLOWS = {("github-actions", "/")}


def missing_tests(names):
    """The tests that the threat model names, as `file::test`, and that do not exist."""
    for file, test in sorted(set(re.findall(r"`([\w-]+\.(?:rs|py))::(\w+)`", read(THREAT_MODEL)))):
        definition = re.compile(rf"\b(?:fn|def) {test}\b")
        if not any(definition.search(read(name)) for name in names if name.rpartition("/")[2] == file):
            yield f"{THREAT_MODEL} names {file}::{test}, which does not exist"


def wrong_updates(names):
    """The folders that Dependabot's configuration lacks, or that pin nothing."""
    entries = re.findall(r"package-ecosystem: (\S+)\n +director(?:y|ies): \[?([^\]\n]+)", read(DEPENDABOT))
    covered = {(kind, folder.strip()) for kind, folders in entries for folder in folders.split(",")}
    pinned = WORKFLOWS | {
        (kind, f"/{name.rpartition('/')[0]}") for kind, pattern in PINS.items() for name in fnmatch.filter(names, pattern)
    }
    yield from (f"{DEPENDABOT} lacks {kind} in {folder}" for kind, folder in sorted(pinned - covered))
    yield from (f"{DEPENDABOT} has {kind} in {folder}, which pins nothing" for kind, folder in sorted(covered - pinned))


def read(name):
    return (ROOT / name).read_text()


if __name__ == "__main__":
    tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    if problems := [*missing_tests(tracked), *wrong_updates(tracked)]:
        sys.exit("check-references:\n  " + "\n  ".join(problems))
