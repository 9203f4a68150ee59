"""Checks that a tag matches the version in Cargo.toml, and prints its CHANGELOG.md section:
`python3 scripts/check_version.py v1.2.3`.
"""

import re
import sys

from local import ROOT


class NotReleasable(Exception):
    """The tag does not match; the text says what to do."""


def workspace_version(manifest):
    """The version that Cargo.toml gives to all packages of the workspace."""
    section = manifest.split("[workspace.package]")[1]
    return re.search(r'^version = "(.+)"$', section, re.MULTILINE)[1]


def notes(tag, manifest, changelog):
    """The changelog section of a tag's version."""
    version = workspace_version(manifest)
    if tag != f"v{version}":
        raise NotReleasable(
            f"the tag is {tag}, and Cargo.toml's version is {version}: tag v{version}, or change "
            "`version` in [workspace.package] first."
        )
    heading = rf"^## {re.escape(version)} \(\d{{4}}-\d{{2}}-\d{{2}}\)$"
    found = re.search(rf"{heading}\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise NotReleasable(f"CHANGELOG.md says nothing under `## {version} (YYYY-MM-DD)`.")
    return found[1].strip() + "\n"


def main():
    manifest = (ROOT / "Cargo.toml").read_text()
    changelog = (ROOT / "CHANGELOG.md").read_text()
    print(notes(sys.argv[1], manifest, changelog), end="")


if __name__ == "__main__":
    try:
        main()
    except NotReleasable as problem:
        sys.exit(f"check-version: {problem}")
