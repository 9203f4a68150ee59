"""Checks what `sam build` built: `python3 scripts/check_artifacts.py .aws-sam/build x86_64`.

Each function is an executable for the right architecture, needs no newer C library than Lambda has, is small
(its size is part of its cold start), and contains no path of this machine, which would not be reproducible.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from archive import zipped
from local import BINARY_NAMES, ROOT

# The version in Amazon Linux 2023, the base of `provided.al2023`.
NEWEST_GLIBC = (2, 34)
MAX_BYTES = 5_500_000
MAX_ZIPPED_BYTES = 2_600_000
# {SAM's name of an architecture: readelf's}
MACHINES = {"x86_64": "Advanced Micro Devices X86-64", "arm64": "AArch64"}


def problems(binary, architecture):
    """The problems of an executable, one line each."""
    size = binary.stat().st_size
    if size > MAX_BYTES:
        yield f"has {size} bytes; at most {MAX_BYTES}"
    size = zipped_size(binary)
    if size > MAX_ZIPPED_BYTES:
        yield f"has {size} bytes zipped; at most {MAX_ZIPPED_BYTES}"
    machine = re.search(r"Machine: +(.+)", readelf("--file-header", binary))
    if not machine or machine[1] != MACHINES[architecture]:
        yield f"is for {machine and machine[1]}, not for {architecture}"
    needed = glibc(binary)
    if needed is None:
        yield "names no version of the C library"
    elif needed > NEWEST_GLIBC:
        yield f"needs glibc {dotted(needed)}; Lambda has {dotted(NEWEST_GLIBC)}"
    for folder in folders_of_this_machine():
        if f"{folder}/".encode() in binary.read_bytes():
            yield f"names {folder}/; `make build` leaves that out with --remap-path-prefix"


def zipped_size(binary):
    """The size in bytes of the zip file that is deployed."""
    return len(zipped(binary.read_bytes()))


def folders_of_this_machine():
    """The folders of this machine that hold sources."""
    return ROOT, Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def glibc(binary):
    """The newest version of the C library that an executable needs, if any."""
    found = re.findall(r"\bGLIBC_(\d+)\.(\d+)", readelf("--version-info", binary))
    return max(((int(major), int(minor)) for major, minor in found), default=None)


def readelf(what, binary):
    return subprocess.check_output(["readelf", "--wide", what, str(binary)], text=True)


def dotted(version):
    return ".".join(map(str, version))


def main():
    folder, architecture = Path(sys.argv[1]), sys.argv[2]
    binaries = sorted(folder.glob("*/bootstrap"))
    if len(binaries) != len(BINARY_NAMES):
        sys.exit(f"check-artifacts: {len(BINARY_NAMES)} functions expected in {folder}, got {len(binaries)}")
    status = 0
    for binary in binaries:
        found = list(problems(binary, architecture))
        facts = f"{binary.stat().st_size} bytes, {zipped_size(binary)} zipped"
        facts += f", glibc {dotted(glibc(binary) or ())}"
        print(f"{binary.parent.name} ({architecture}): {'; '.join(found) or facts}")
        status |= bool(found)
    sys.exit(status)


if __name__ == "__main__":
    main()
