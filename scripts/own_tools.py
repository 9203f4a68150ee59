"""Checks the SAM CLI and cargo-lambda of the PATH: `python3 scripts/own_tools.py`.

`make build OWN_TOOLS=1` and `make deploy OWN_TOOLS=1` use them in place of those in .venv. The oldest accepted versions
are those that scripts/requirements/build.in pins.
"""

import re
import subprocess
import sys

from local import ROOT

# {package in scripts/requirements/build.in: command that prints the version}
COMMANDS = {"aws-sam-cli": ["sam", "--version"], "cargo-lambda": ["cargo-lambda", "lambda", "--version"]}


def problem(command, oldest):
    """The problem with a tool, or `None`."""
    try:
        output = subprocess.check_output(command, text=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        output = ""
    found = re.search(r"\b\d+\.\d+\.\d+\b", output)
    if not found:
        return f"{command[0]} {oldest} or newer is not on the PATH"
    if numbers(found[0]) < numbers(oldest):
        return f"{command[0]} is {found[0]}; {oldest} or newer is needed"
    return None


def numbers(version):
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    requirements = (ROOT / "scripts" / "requirements" / "build.in").read_text()
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)$", requirements, re.MULTILINE))
    problems = [problem(command, pinned[package]) for package, command in COMMANDS.items()]
    if any(problems):
        sys.exit(
            f"own-tools: {'; '.join(filter(None, problems))}. Update, or leave OWN_TOOLS out: the pinned tools are then "
            "installed into .venv."
        )
