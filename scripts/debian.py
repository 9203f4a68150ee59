"""Installs Debian packages as root on Debian and Ubuntu, and names the missing ones elsewhere.

`python3 scripts/debian.py faketime` installs a package by the name of its program.
"""

import os
import shutil
import subprocess
import sys


class ProgramsMissing(Exception):
    """Programs are missing; the message says which and what to do."""


def missing(programs):
    """The packages in {program: package} whose program is not on the PATH."""
    return [package for program, package in programs.items() if shutil.which(program) is None]


def install(packages):
    """Installs packages, if there are any."""
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
    # Packages that are named after their program.
    try:
        install(missing({program: program for program in sys.argv[1:]}))
    except ProgramsMissing as problem:
        sys.exit(f"debian: {problem}")
