"""Checks that every code block of the pages is closed: one that is not makes code of the rest."""

import sys

from local import ROOT

PAGES = ["*.md", "docs/*.md", "examples/*/*.md"]
FENCE = "```"


def unclosed(page):
    """The line of the fence that opens a block which nothing closes, or `None`."""
    lines = enumerate(page.splitlines(), 1)
    fences = [number for number, line in lines if line.lstrip().startswith(FENCE)]
    return fences[-1] if len(fences) % 2 else None


def main():
    pages = [page for pattern in PAGES for page in sorted(ROOT.glob(pattern))]
    found = {page.relative_to(ROOT): unclosed(page.read_text()) for page in pages}
    problems = [f"  {name}:{line}" for name, line in found.items() if line]
    if problems:
        sys.exit("check-fences: a block begins here and has no end:\n" + "\n".join(problems))
    print(f"check-fences: {len(pages)} pages")


if __name__ == "__main__":
    main()
