"""Installs the pinned tools of a use: `python3 scripts/tools.py test`.

A use has Python packages (scripts/requirements/<use>.txt), npm packages (NPM), and programs of Debian (PROGRAMS).
Python and npm packages are installed into .venv, as are tools from crates.io: `python3 scripts/tools.py cargo-deny`.
Nothing is downloaded twice.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys

from local import ROOT

REQUIREMENTS = ROOT / "scripts" / "requirements"
VENV = ROOT / ".venv"
BIN = VENV / "bin"
CARGO = VENV / "cargo"
OLDEST_PYTHON = (3, 10)

# Python packages whose versions differ from those in .venv are installed into target/<use>.
APART = ("cdk", "rehearsal")
# {use: folder of the package-lock.json}. Node comes with the use `run`.
NPM = {"run": "examples/booking-page", "api": "scripts/requirements", "mcp": "tests/mcp"}
# {use: {program: Debian package}}. The CDK's Python packages wrap JavaScript packages.
PROGRAMS = {
    "test": {"faketime": "faketime"},
    "api": {"chromium": "chromium"},
    "cdk": {"node": "nodejs"},
    "budgets": {"valgrind": "valgrind", "strace": "strace"},
    "sam-test": {
        "podman": "podman",
        "runc": "runc",
        "iptables": "iptables",
        "busybox": "busybox-static",
        "netavark": "netavark",
        "aardvark-dns": "aardvark-dns",
    },
}
# Also folders in which podman finds its own programs.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/lib/podman", "/usr/libexec/podman", "/usr/local/libexec/podman"])
# Settings of the project's builds, which must not affect tools from crates.io.
BUILD_SETTINGS = ("CARGO_BUILD_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS")


class ToolsError(Exception):
    """The tools could not be installed; the message says what to do."""


def install(use):
    """Makes the tools of a use available."""
    if use.startswith("cargo-"):
        return install_cargo_tool(use)
    install_programs(PROGRAMS.get(use, {}))
    lock = REQUIREMENTS / f"{use}.txt"
    if not lock.is_file() and use not in PROGRAMS:
        raise ToolsError(f"{use} is not a use: scripts/requirements/{use}.txt does not exist.")
    if use in APART:
        install_python(lock, apart(use) / "installed", "--target", apart(use))
    elif lock.is_file():
        install_python(lock, VENV / f"installed-{use}")
    if use in NPM:
        install_npm(ROOT / NPM[use], npm(use))


def apart(use):
    """The folder of the Python packages of a use in APART."""
    return ROOT / "target" / use


def npm(use):
    """The folder that contains the node_modules of a use."""
    return VENV / "npm" / use


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


def run(command, environment=None):
    command = list(map(str, command))
    try:
        subprocess.check_call(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ToolsError(
            f"`{' '.join(command)}` failed: {error}. Is this machine online? On Debian and Ubuntu, Python's venv is the "
            "package python3-venv. If nothing helps, remove .venv and try again."
        ) from error


def install_python(lock, marker, *options):
    if sys.version_info < OLDEST_PYTHON:
        raise ToolsError(f"Python 3.10 or newer is needed; python3 is {sys.version.split()[0]}.")
    with once(marker, lock.read_bytes()) as is_needed:
        if not is_needed:
            return
        if not (BIN / "pip").exists():
            run([sys.executable, "-m", "venv", VENV])
        print(f"Installing the Python packages of {lock.relative_to(ROOT)} (once)", flush=True)
        if options:
            shutil.rmtree(marker.parent, ignore_errors=True)
        # The lock file is complete: nothing to resolve.
        command = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
        run([*command, "--no-deps", "--require-hashes", "--requirement", lock])


def install_npm(source, target):
    """Installs what a package-lock.json pins. Install scripts of packages do not run."""
    with once(target / "installed", (source / "package-lock.json").read_bytes()) as is_needed:
        if not is_needed:
            return
        print(f"Installing the npm packages of {source.relative_to(ROOT)}/ (once)", flush=True)
        target.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, target)
        options = "--ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error".split()
        run([BIN / "npm", "ci", "--prefix", target, *options])


def install_cargo_tool(tool):
    """Compiles without optimization, which halves the compile time; each tool runs for about a second."""
    pins = (REQUIREMENTS / "cargo.txt").read_text()
    version = dict(re.findall(r"^([\w-]+)==(\S+)", pins, re.MULTILINE))[tool]
    with once(CARGO / f"installed-{tool}", version.encode()) as is_needed:
        if not is_needed:
            return
        print(f"Installing {tool} {version} (once)", flush=True)
        environment = {name: value for name, value in os.environ.items() if name not in BUILD_SETTINGS}
        # The tools need no debug information.
        environment |= {"CARGO_PROFILE_DEV_DEBUG": "none"}
        command = ["cargo", "install", "--quiet", "--locked", "--debug", "--force", "--root", CARGO]
        run([*command, f"{tool}@={version}"], environment)


def install_programs(programs):
    """Installs the missing ones of {program: package} as root on Debian and Ubuntu, and names them elsewhere."""
    packages = [package for program, package in programs.items() if shutil.which(program, path=PATH) is None]
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolsError(
            f"Missing: {', '.join(packages)} (as Debian names the packages). Install them, or run "
            "this as root on Debian or Ubuntu, where it does so itself."
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "--quiet=2"], environment)
    run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], environment)


if __name__ == "__main__":
    try:
        for requested in sys.argv[1:]:
            install(requested)
    except ToolsError as problem:
        sys.exit(f"tools: {problem}")
