"""Builds the functions as they are deployed, for this machine's architecture."""

import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import tools  # noqa: E402

# The output of `cargo lambda build`, by function.
BUILT = ROOT / "target" / "lambda"

PROCESSORS = {"x86_64": "--x86-64", "aarch64": "--arm64"}


def functions(*packages):
    """Builds these packages, or the three functions, as `make build` does.

    Raises `tools.ToolsError` on a machine that cannot run them.
    """
    if platform.system() != "Linux" or platform.machine() not in PROCESSORS:
        system = f"{platform.system()} on {platform.machine()}"
        raise tools.ToolsError(f"The functions run on Linux, x86_64 or aarch64; this is {system}.")
    arguments = [argument for package in packages for argument in ("--package", package)]
    cargo("lambda", "build", "--release", PROCESSORS[platform.machine()], *arguments)


def cargo(*arguments):
    """Runs cargo with cargo-lambda and zig on the PATH; builds into target/."""
    environment = os.environ | {"PATH": f"{tools.BIN}:{os.environ['PATH']}"}
    environment.pop("CARGO_TARGET_DIR", None)
    subprocess.check_call(["cargo", *arguments], cwd=ROOT, env=environment)
