"""Installs pinned tools from crates.io into the project's .venv: `python3 scripts/cargo_tools.py cargo-deny`.

The versions are in scripts/requirements/cargo.txt. Installed tools are not downloaded again. Tools are compiled without
optimization, which halves the compile time; each runs for about a second.
"""

import os
import re
import subprocess
import sys

from local import ROOT

INSTALLED = ROOT / ".venv" / "cargo"
BIN = INSTALLED / "bin"
LOCK = ROOT / "scripts" / "requirements" / "cargo.txt"
# Settings of the project's builds, which must not affect the tools.
NOT_PASSED_ON = ("CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS")


def install(tool):
    """Makes `tool` available in .venv/cargo/bin."""
    version = dict(re.findall(r"^([\w-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))[tool]
    installed = INSTALLED / f"installed-{tool}"
    if installed.is_file() and installed.read_text() == version:
        return
    print(f"Installing {tool} {version} into .venv/cargo (once)", flush=True)
    command = ["cargo", "install", "--quiet", "--locked", "--debug", "--force", "--root", INSTALLED, f"{tool}@={version}"]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    # The tools need no debug information.
    environment |= {"CARGO_PROFILE_DEV_DEBUG": "none"}
    subprocess.check_call(command, env=environment, cwd=ROOT)
    installed.write_text(version)


if __name__ == "__main__":
    try:
        for requested in sys.argv[1:]:
            install(requested)
    except (OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"cargo-tools: {problem}. Is this machine online?")
