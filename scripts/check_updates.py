"""Checks that .github/dependabot.yml looks after every folder whose versions are pinned."""

import re
import subprocess
import sys

from local import ROOT

CONFIGURATION = ROOT / ".github" / "dependabot.yml"
# What pins versions, by the name that Dependabot has for its kind.
PINS = {
    "cargo": "Cargo.lock",
    "npm": "package-lock.json",
    "pip": "scripts/requirements/*.in",
    "rust-toolchain": "rust-toolchain.toml",
    # Dependabot finds them from the root.
    "github-actions": ".github/workflows/*.yml",
}


def looked_after(text):
    """{(kind, folder)} of a configuration, whose entries are written one key a line."""
    found = set()
    for entry in text.split("- package-ecosystem: ")[1:]:
        kind = entry.split()[0]
        folders = re.search(r"^    director(?:y|ies): (.*)$", entry, re.MULTILINE)[1].strip("[]")
        found |= {(kind, folder.strip()) for folder in folders.split(",")}
    return found


def pinned(names):
    """{(kind, folder)} of the files of the repository that pin versions."""
    found = set()
    for kind, pattern in PINS.items():
        expression = re.compile(rf"(.*/)?{re.escape(pattern).replace(re.escape('*'), '[^/]+')}")
        for name in filter(expression.fullmatch, names):
            folder = name.rpartition("/")[0] if kind != "github-actions" else ""
            found.add((kind, f"/{folder}"))
    return found


def main():
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    expected, found = pinned(listed.split("\0")), looked_after(CONFIGURATION.read_text())
    if not expected or found != expected:
        sys.exit(
            "check-updates: .github/dependabot.yml\n"
            f"  lacks {sorted(expected - found)}\n"
            f"  has {sorted(found - expected)}, where nothing is pinned"
        )
    print(f"check-updates: {len(found)} folders are looked after")


if __name__ == "__main__":
    main()
