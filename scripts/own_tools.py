"""Checks the SAM CLI and cargo-lambda of the PATH: `python3 scripts/own_tools.py`.

`make build OWN_TOOLS=1` and `make deploy OWN_TOOLS=1` use them in place of those in .venv. The oldest
accepted versions are those that scripts/requirements/build.in pins.
"""

import re
import shutil
import subprocess
import sys

from local import ROOT

# {program: package in scripts/requirements/build.in}
TOOLS = {"sam": "aws-sam-cli", "cargo-lambda": "cargo-lambda"}
COMMANDS = {"sam": ["sam", "--version"], "cargo-lambda": ["cargo-lambda", "lambda", "--version"]}


def oldest(requirements):
    """{package: pinned version as numbers}"""
    found = re.findall(r"^([\w-]+)==([\d.]+)$", requirements, re.MULTILINE)
    return {package: numbers(version) for package, version in found}


def numbers(version):
    return tuple(map(int, version.split(".")))


def problem(tool, output, least):
    """The problem with a tool that prints this version, or `None`."""
    wanted = ".".join(map(str, least))
    found = re.search(r"\b(\d+\.\d+\.\d+)\b", output or "")
    if not found:
        return f"{tool} {wanted} or newer is not on the PATH"
    if numbers(found[1]) < least:
        return f"{tool} is {found[1]}; {wanted} or newer is needed"
    return None


def version_of(tool):
    """The output of a tool's version command, or `None` if it is missing."""
    if shutil.which(tool) is None:
        return None
    result = subprocess.run(
        COMMANDS[tool], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return result.stdout


def main():
    least = oldest((ROOT / "scripts" / "requirements" / "build.in").read_text())
    checked = [problem(tool, version_of(tool), least[package]) for tool, package in TOOLS.items()]
    if found := [one for one in checked if one]:
        sys.exit(
            f"own-tools: {'; '.join(found)}. Update, or leave OWN_TOOLS out: the pinned tools are then "
            "installed into .venv."
        )


if __name__ == "__main__":
    main()
