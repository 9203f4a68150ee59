"""Installs the pinned tools of one use into the project's .venv: `python3 scripts/tools.py test`.

The uses are the lock files in scripts/requirements/. Installed uses are not downloaded again.
"""

import contextlib
import hashlib
import shutil
import subprocess
import sys

from local import ROOT

VENV = ROOT / ".venv"
BIN = VENV / "bin"
OLDEST_PYTHON = (3, 10)


class ToolsError(Exception):
    """The tools could not be installed; the message says what to do."""


def lock_file(use):
    return ROOT / "scripts" / "requirements" / f"{use}.txt"


@contextlib.contextmanager
def once(marker, content):
    """Yields whether the block must do its work: the file `marker` lacks the digest of `content`.

    Writes the digest when the work has succeeded.
    """
    digest = hashlib.sha256(content).hexdigest()
    is_needed = not marker.is_file() or marker.read_text() != digest
    yield is_needed
    if is_needed:
        marker.write_text(digest)


def install_apart(use):
    """Installs the packages of `use` into target/, separate from the versions in .venv; returns the folder."""
    lock, folder = lock_file(use), ROOT / "target" / use
    with once(folder / "installed", lock.read_bytes()) as is_needed:
        if is_needed:
            print(f"Installing the packages of scripts/requirements/{use}.txt into target/{use} (once)", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            command = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["--target", folder, "--requirement", lock, "--require-hashes", "--no-deps"]
            subprocess.check_call(command)
    return folder


def install(use, start=subprocess.check_call):
    """Makes the tools of `use` available in .venv/bin. `start` runs a command to its end."""
    lock = lock_file(use)
    with once(VENV / f"installed-{use}", lock.read_bytes()) as is_needed:
        if is_needed:
            install_lock_file(use, lock, start)


def install_lock_file(use, lock, start):
    if sys.version_info < OLDEST_PYTHON:
        raise ToolsError(
            f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed; "
            f"python3 is {sys.version.split()[0]}."
        )
    try:
        if not (BIN / "pip").exists():
            print("Creating .venv", flush=True)
            start([sys.executable, "-m", "venv", str(VENV)])
        print(f"Installing the tools of scripts/requirements/{use}.txt into .venv (once)", flush=True)
        # The lock file is complete: nothing to resolve.
        start(
            [str(BIN / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
            + ["--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
        )
    except subprocess.CalledProcessError as error:
        raise ToolsError(
            f"`{' '.join(map(str, error.cmd))}` failed (exit code {error.returncode}). "
            "Is this machine online? On Debian and Ubuntu, Python's venv is the package "
            "python3-venv. If nothing helps, remove .venv and try again."
        ) from error


if __name__ == "__main__":
    try:
        for requested in sys.argv[1:]:
            install(requested)
    except ToolsError as problem:
        sys.exit(f"tools: {problem}")
