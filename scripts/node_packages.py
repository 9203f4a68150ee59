"""Installs the npm packages that a package-lock.json pins into .venv, with the Node in .venv.

Installed packages are not downloaded again. Install scripts of packages do not run.
"""

import shutil
import subprocess

import local
import tools

# {use: folder of its package.json}
USES = {
    "booking-page": local.ROOT / "examples" / "booking-page",
    "api": local.ROOT / "scripts" / "requirements",
    "mcp": local.ROOT / "tests" / "mcp",
}


def folder(use):
    """The folder that contains the node_modules of a use."""
    return tools.VENV / "npm" / use


def install(use, start=subprocess.check_call):
    """Makes the packages of `use` available. `start` runs a command to its end."""
    source, target = USES[use], folder(use)
    with tools.once(target / "installed", (source / "package-lock.json").read_bytes()) as is_needed:
        if is_needed:
            install_lock_file(source, target, start)


def install_lock_file(source, target, start):
    print(f"Installing the npm packages of {source.relative_to(local.ROOT)}/ into .venv (once)", flush=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, target)
    try:
        start(
            [str(tools.BIN / "npm"), "ci", "--prefix", str(target), "--ignore-scripts"]
            + ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
        )
    except subprocess.CalledProcessError as error:
        raise tools.ToolsError(
            f"`npm ci` failed (exit code {error.returncode}). Is this machine online?"
        ) from error
