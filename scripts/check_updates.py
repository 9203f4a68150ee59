"""Checks that .github/dependabot.yml covers each folder that pins versions."""

import re
import subprocess
import sys

from local import ROOT

CONFIGURATION = ROOT / ".github" / "dependabot.yml"
# {Dependabot's ecosystem: files that pin versions}
PINS = {
    "cargo": "Cargo.lock",
    "npm": "package-lock.json",
    "pip": "scripts/requirements/*.in",
    "rust-toolchain": "rust-toolchain.toml",
    # Dependabot finds them from the root.
    "github-actions": ".github/workflows/*.yml",
}


def covered(text):
    """{(ecosystem, folder)} of a configuration with one key per line."""
    found = set()
    for entry in text.split("- package-ecosystem: ")[1:]:
        kind = entry.split()[0]
        folders = re.search(r"^    director(?:y|ies): (.*)$", entry, re.MULTILINE)[1].strip("[]")
        found |= {(kind, folder.strip()) for folder in folders.split(",")}
    return found


def pinned(names):
    """{(ecosystem, folder)} of the files that pin versions."""
    found = set()
    for kind, pattern in PINS.items():
        expression = re.compile(rf"(.*/)?{re.escape(pattern).replace(re.escape('*'), '[^/]+')}")
        for name in filter(expression.fullmatch, names):
            folder = name.rpartition("/")[0] if kind != "github-actions" else ""
            found.add((kind, f"/{folder}"))
    return found


def main():
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    expected, found = pinned(listed.split("\0")), covered(CONFIGURATION.read_text())
    if not expected or found != expected:
        sys.exit(
            "check-updates: .github/dependabot.yml\n"
            f"  lacks {sorted(expected - found)}\n"
            f"  has {sorted(found - expected)}, which pin nothing"
        )
    print(f"check-updates: {len(found)} folders are covered")


if __name__ == "__main__":
    main()
