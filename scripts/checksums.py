"""Writes SHA256SUMS of a release's files: `python3 scripts/checksums.py dist`."""

import hashlib
import sys
from pathlib import Path

NAME = "SHA256SUMS"


def lines(folder):
    """The lines of SHA256SUMS for a folder."""
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name != NAME:
            yield f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / NAME).write_text("".join(lines(where)))
