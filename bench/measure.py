"""`make bench`: measures the floor, the functions and the peer side by side.

Installs the peer into target/, runs the driver, writes bench/results.json, and updates the tables and the plot.
"""

import datetime
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import report
import tools
from report import ROOT
from check_artifacts import zipped_size
from local import BINARY_NAMES

# The output of `cargo lambda build`, by function.
BUILT = ROOT / "target" / "lambda"
PEER = ROOT / "target" / "peer"
PEER_PYTHON = ROOT / "target" / "peer-python"
PEER_CODE = ROOT / "bench" / "peer"
PEER_LOCK = ROOT / "scripts" / "requirements" / "peer.txt"
PEER_INSTALLED = ROOT / "target" / "peer-installed"
MEASURED = ROOT / "target" / "bench.json"
# Packages that Lambda's Python image already contains, in another version.
BOTO3 = ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "python_dateutil", "urllib3"]

# The pages are written after a full run only.
FULL_ROUNDS = 15


def main():
    # Starts of each program under each condition.
    rounds = os.environ.get("ROUNDS") or str(FULL_ROUNDS)
    # The callers' tokens are valid for an hour.
    if not rounds.isdecimal() or not 1 <= int(rounds) <= 100:
        sys.exit(f"bench: ROUNDS={rounds} is not a number of rounds, 1 to 100")
    try:
        install_peer()
        step(f"Measuring, in {rounds} rounds")
        driver = ROOT / "target" / "driver" / "bench"
        subprocess.check_call([driver, "compare", rounds], cwd=ROOT)
        measured = json.loads(MEASURED.read_text())
        results = {"machine": machine(), "artifacts": artifacts()} | measured
        MEASURED.write_text(report.text_of(results) + "\n")
        if int(rounds) >= FULL_ROUNDS:
            shutil.copy(MEASURED, report.RESULTS)
            report.write()
        else:
            print(f"Fewer than {FULL_ROUNDS} rounds: README.md and docs/ stay as they are.\n")
        report.show(MEASURED)
    except (subprocess.CalledProcessError, OSError) as problem:
        sys.exit(f"bench: {problem}")


def step(text):
    print(f"== {text}", flush=True)


def install_peer():
    """Installs the peer's packages into target/peer, with bytecode, as for a deployment."""
    python = peer_python()
    PEER_PYTHON.unlink(missing_ok=True)
    PEER_PYTHON.symlink_to(python)
    subprocess.check_call([python, "-m", "compileall", "-q", PEER_CODE])
    what = f"{python} {query(python, 'sys.version')} ".encode() + PEER_LOCK.read_bytes()
    with tools.once(PEER_INSTALLED, what) as is_needed:
        if not is_needed:
            return
        step("Installing the peer's packages")
        shutil.rmtree(PEER, ignore_errors=True)
        # Uses the pip in .venv, because Debian's Python has none.
        command = [tools.BIN / "python", "-m", "pip", "--python", python, "install", "--quiet"]
        command += ["--disable-pip-version-check", "--target", PEER, "--requirement", PEER_LOCK]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
        subprocess.check_call(command)
        shutil.rmtree(PEER / "bin", ignore_errors=True)


def peer_python():
    """The peer's interpreter: the fastest one here, since Lambda's is an optimized build."""
    candidates = [str(Path(sys.executable).resolve()), "/usr/bin/python3"]
    return min(filter(shutil.which, candidates), key=slowness)


def slowness(python):
    """Seconds for a fixed piece of work."""
    work = "sum(i * i for i in range(1000))"
    return float(query(python, f"min(__import__('timeit').repeat({work!r}, number=1000))"))


def query(python, expression):
    command = [python, "-c", f"import sys; print({expression})"]
    return subprocess.check_output(command, text=True).strip()


def artifacts():
    """{program: sizes of its executable, if any, and of its zip}"""
    binaries = {name: BUILT / name / "bootstrap" for name in ["floor", *BINARY_NAMES]}
    sizes = {
        name: {"binary_bytes": binary.stat().st_size, "zip_bytes": zipped_size(binary)}
        for name, binary in binaries.items()
    }
    return sizes | {
        "peer": {"zip_bytes": peer_zip_bytes()},
        "peer, without boto3": {"zip_bytes": peer_zip_bytes(BOTO3)},
    }


def peer_zip_bytes(without=()):
    """The zip of the peer's code and packages."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for folder in (PEER, PEER_CODE):
            for file in sorted(folder.rglob("*")):
                name = file.relative_to(folder)
                if file.is_file() and not name.parts[0].startswith(tuple(without)):
                    zipped.write(file, name)
    return len(archive.getvalue())


def machine():
    """Describes the machine of the measurements."""
    information = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in information if line.startswith("model name")]
    rustc = subprocess.check_output(["rustc", "--version"], text=True).split()[1]
    return {
        "processor": models[0] if models else platform.machine(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "rustc": rustc,
        "python": query(PEER_PYTHON, "sys.version.split()[0]"),
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    main()
