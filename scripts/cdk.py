"""Installs what examples/cdk needs into target/cdk, from scripts/requirements/cdk.txt, and Node.js on Debian and Ubuntu."""

import hashlib
import shutil
import subprocess
import sys

import debian
import tools
from local import ROOT

INSTALLED = ROOT / "target" / "cdk"
LOCK = ROOT / "scripts" / "requirements" / "cdk.txt"
# The CDK's Python packages are its JavaScript ones in an envelope.
PROGRAMS = {"node": "nodejs"}


def install():
    """Does nothing when everything is there already."""
    debian.install(debian.missing(PROGRAMS))
    marker = INSTALLED / "installed"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if marker.is_file() and marker.read_text() == digest:
        return
    print("Installing the packages of scripts/requirements/cdk.txt into target/cdk (once)", flush=True)
    shutil.rmtree(INSTALLED, ignore_errors=True)
    command = [tools.BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", INSTALLED, "--requirement", LOCK, "--require-hashes", "--no-deps"]
    subprocess.check_call(command)
    marker.write_text(digest)


if __name__ == "__main__":
    try:
        install()
    except (debian.ProgramsMissing, subprocess.CalledProcessError) as problem:
        sys.exit(f"cdk: {problem}")
