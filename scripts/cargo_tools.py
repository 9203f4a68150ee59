"""Installs pinned tools from crates.io into the project's .venv: `python3 scripts/cargo_tools.py cargo-deny`.

The versions are in scripts/requirements/cargo.txt. Installed tools are not downloaded again. Tools are compiled without
optimization, which halves the compile time; each runs for about a second.
"""

import os
import subprocess
import sys

from local import ROOT

INSTALLED = ROOT / ".venv" / "cargo"
BIN = INSTALLED / "bin"
LOCK = ROOT / "scripts" / "requirements" / "cargo.txt"
# Settings of the project's builds, which must not affect the tools.
NOT_PASSED_ON = ("CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS")


class CargoToolsError(Exception):
    """The tools could not be installed; the text says what to do."""


def versions(text):
    """{tool: version} of a lock file's lines, `tool==version`."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return dict(line.split("==") for line in lines if line)


def install(tool, start=subprocess.check_call):
    """Makes `tool` available in .venv/cargo/bin. `start` runs a command to its end."""
    known = versions(LOCK.read_text())
    if tool not in known:
        raise CargoToolsError(f"{tool} is not in {LOCK.name}, which has {', '.join(known)}.")
    version = known[tool]
    installed = INSTALLED / f"installed-{tool}"
    if installed.is_file() and installed.read_text() == version:
        return
    print(f"Installing {tool} {version} into .venv/cargo (once)", flush=True)
    command = ["cargo", "install", "--quiet", "--locked", "--debug", "--force", "--root", str(INSTALLED)]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    # The tools need no debug information.
    environment |= {"CARGO_PROFILE_DEV_DEBUG": "none"}
    try:
        start([*command, f"{tool}@={version}"], env=environment, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CargoToolsError(
            f"`{' '.join(command)} {tool}@={version}` failed: {error}. Is this machine online?"
        ) from error
    installed.write_text(version)


if __name__ == "__main__":
    try:
        for requested in sys.argv[1:]:
            install(requested)
    except CargoToolsError as problem:
        sys.exit(f"cargo-tools: {problem}")
