"""Installs what examples/cdk needs into target/cdk, and Node.js on Debian and Ubuntu."""

import subprocess
import sys

import debian
import tools

# The CDK's Python packages wrap JavaScript packages.
PROGRAMS = {"node": "nodejs"}

if __name__ == "__main__":
    try:
        debian.install(debian.missing(PROGRAMS))
        tools.install_apart("cdk")
    except (debian.ProgramsMissing, subprocess.CalledProcessError) as problem:
        sys.exit(f"cdk: {problem}")
