"""Checks that the tests named in docs/threat-model.md exist."""

import re
import sys

from local import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
FOLDERS = ["shared/src", "tests"]
DEFINITION = {".rs": r"\bfn {}\b", ".py": r"\bdef {}\b"}


def named(page):
    """The tests of a page, as `file::test`."""
    return sorted(set(re.findall(r"`([\w.-]+\.(?:rs|py))::(\w+)`", page)))


def missing(page, files):
    """The named tests that no file in {path: text} contains."""
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
        sys.exit("check-threat-model: missing tests:\n  " + "\n  ".join(gone))
    print(f"check-threat-model: {len(named(page))} tests exist")


if __name__ == "__main__":
    main()
