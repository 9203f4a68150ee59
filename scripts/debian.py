"""Programs from Debian's packages: installed where that is the project's to do, and asked for elsewhere.

`python3 scripts/debian.py faketime` sees to one of that name.
"""

import os
import shutil
import subprocess
import sys


class ProgramsMissing(Exception):
    """Programs are missing and were not installed; the text says which and what to do."""


def missing(programs):
    """The packages of those of {program: package} that are not on the PATH."""
    return [package for program, package in programs.items() if shutil.which(program) is None]


def install(packages):
    """Installs packages on Debian and Ubuntu, as root; nothing is done if there are none."""
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ProgramsMissing(
            f"Missing: {', '.join(packages)} (as Debian names the packages). Install them, or run "
            "this as root on Debian or Ubuntu, where it does so itself."
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "--quiet=2"], install):
        code = subprocess.call(command, env=environment, stdin=subprocess.DEVNULL)
        if code != 0:
            raise ProgramsMissing(f"`{' '.join(command)}` failed (exit code {code}).")


if __name__ == "__main__":
    # Programs whose packages have their names.
    try:
        install(missing({program: program for program in sys.argv[1:]}))
    except ProgramsMissing as problem:
        sys.exit(f"debian: {problem}")
