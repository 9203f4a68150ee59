"""Checks what `sam build` built: `python3 scripts/check_artifacts.py .aws-sam/build x86_64`.

Each function is an executable for the processor that was asked for, it needs no newer C library
than the one that it will find on Lambda, and it is small: its size is part of its cold start.
"""

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from local import FUNCTIONS

# Amazon Linux 2023's, which `provided.al2023` is.
NEWEST_GLIBC = (2, 34)
MOST_BYTES = 5_500_000
MOST_ZIPPED_BYTES = 2_600_000
# As readelf names the processors that SAM names.
MACHINES = {"x86_64": "Advanced Micro Devices X86-64", "arm64": "AArch64"}


def problems(binary, architecture):
    """What is wrong with one executable, a line each."""
    size = binary.stat().st_size
    if size > MOST_BYTES:
        yield f"has {size} bytes; at most {MOST_BYTES}"
    zipped = zipped_size(binary)
    if zipped > MOST_ZIPPED_BYTES:
        yield f"has {zipped} bytes zipped; at most {MOST_ZIPPED_BYTES}"
    machine = re.search(r"Machine: +(.+)", readelf("--file-header", binary))
    if not machine or machine[1] != MACHINES[architecture]:
        yield f"is for {machine and machine[1]}, not for {architecture}"
    needed = glibc(binary)
    if needed is None:
        yield "names no version of the C library"
    elif needed > NEWEST_GLIBC:
        yield f"needs glibc {dotted(needed)}; Lambda has {dotted(NEWEST_GLIBC)}"


def zipped_size(binary):
    """The bytes of a zip file with the executable alone, which is what Lambda is given."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(binary, binary.name)
    return len(archive.getvalue())


def glibc(binary):
    """The newest version of the C library that an executable asks for, if any."""
    found = re.findall(r"\bGLIBC_(\d+)\.(\d+)", readelf("--version-info", binary))
    return max(((int(major), int(minor)) for major, minor in found), default=None)


def readelf(what, binary):
    return subprocess.check_output(["readelf", "--wide", what, str(binary)], text=True)


def dotted(version):
    return ".".join(map(str, version))


def main():
    folder, architecture = Path(sys.argv[1]), sys.argv[2]
    binaries = sorted(folder.glob("*/bootstrap"))
    if len(binaries) != len(FUNCTIONS):
        sys.exit(
            f"check-artifacts: {len(FUNCTIONS)} functions expected in {folder}, got {len(binaries)}"
        )
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
