"""Checks that every test that docs/threat-model.md names is there."""

import re
import sys

from local import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
FOLDERS = ["shared/src", "tests"]
DEFINITION = {".rs": r"\bfn {}\b", ".py": r"\bdef {}\b"}


def named(page):
    """The tests that a page names as `file::test`."""
    return sorted(set(re.findall(r"`([\w.-]+\.(?:rs|py))::(\w+)`", page)))


def missing(page, files):
    """Those of them that none of {path: text} has."""
    for name, test in named(page):
        suffix = name[-3:]
        texts = [text for path, text in files.items() if path.name == name]
        if not any(re.search(DEFINITION[suffix].format(test), text) for text in texts):
            yield f"{name}::{test}"


def main():
    files = {
        path: path.read_text()
        for folder in FOLDERS
        for suffix in DEFINITION
        for path in (ROOT / folder).rglob(f"*{suffix}")
    }
    page = PAGE.read_text()
    gone = list(missing(page, files))
    if gone:
        sys.exit("check-threat-model: named, but not there:\n  " + "\n  ".join(gone))
    print(f"check-threat-model: {len(named(page))} tests are there")


if __name__ == "__main__":
    main()
