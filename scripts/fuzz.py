"""Runs the fuzz targets of tests/fuzz/: `make fuzz`.

Each target runs on one core, with the inputs of tests/fuzz/corpus and of earlier runs, in target/fuzz. Crashing
inputs are written there too. Each target runs for FUZZ_SECONDS. The figures go into docs/reliability.md.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import page_tables
from local import ROOT
from tools import CARGO

CRATE = ROOT / "tests" / "fuzz"
CORPUS = CRATE / "corpus"
WORK = ROOT / "target" / "fuzz"
PAGE = ROOT / "docs" / "reliability.md"
CARGO_FUZZ = CARGO / "bin" / "cargo-fuzz"

# For each target.
DEFAULT_SECONDS = 180
# Bytes.
LARGEST_INPUT = 4096
# Limits for one input.
INPUT_TIMEOUT_SECONDS, MEMORY_LIMIT_MB = 5, 2048


class FuzzError(Exception):
    """A target crashed or could not run; the message says why."""


def targets():
    """The names of the targets."""
    return sorted(path.stem for path in (CRATE / "targets").glob("*.rs"))


def versions(lock):
    """{package: {versions}} of the crates.io packages in a Cargo.lock."""
    found = {}
    for name, version in re.findall(r'name = "(.*)"\nversion = "(.*)"\nsource = ', lock):
        found.setdefault(name, set()).add(version)
    return found


def check_versions():
    """Fails unless the fuzz targets link the deployed versions."""
    deployed = versions((ROOT / "Cargo.lock").read_text())
    fuzzed = versions((CRATE / "Cargo.lock").read_text())
    others = sorted(name for name in fuzzed if name in deployed and not fuzzed[name] <= deployed[name])
    if others:
        raise FuzzError(
            f"tests/fuzz/Cargo.lock has other versions than Cargo.lock of {', '.join(others)}: "
            "cp Cargo.lock tests/fuzz/ && cargo metadata --manifest-path tests/fuzz/Cargo.toml"
        )


def build():
    """Compiles all targets with coverage counters. Safe code needs no AddressSanitizer."""
    command = [str(CARGO_FUZZ), "build", "--fuzz-dir", str(CRATE), "--sanitizer", "none", "--target-dir", str(WORK)]
    subprocess.check_call(command, cwd=ROOT)
    [folder] = {path.parent for path in WORK.glob(f"*/release/{targets()[0]}")}
    return folder


def run(binary, seconds):
    """Runs a target: (inputs, edges, inputs in the corpus)."""
    corpus = WORK / "corpus" / binary.name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [
        str(binary),
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST_INPUT}",
        f"-timeout={INPUT_TIMEOUT_SECONDS}",
        f"-rss_limit_mb={MEMORY_LIMIT_MB}",
        "-print_final_stats=1",
        f"-artifact_prefix={WORK}/found-{binary.name}-",
        str(corpus),
        str(CORPUS / binary.name),
    ]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    output = ran.stderr.decode(errors="replace")
    if ran.returncode != 0:
        raise FuzzError(f"{binary.name} crashed:\n{output[-4000:]}")
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    coverage = re.findall(r"cov: (\d+)", output)
    if not executed or not coverage:
        raise FuzzError(f"{binary.name} printed no statistics:\n{output[-4000:]}")
    figures = int(executed[1]), int(coverage[-1]), len(list(corpus.iterdir()))
    print(f"{binary.name}: {figures[0]:,} inputs", flush=True)
    return figures


def table(figures):
    """The page's table of {target: (inputs, edges, inputs in the corpus)}."""
    total = sum(inputs for inputs, _, _ in figures.values())
    rows = [[f"`{name}`", *(f"{figure:,}" for figure in figures[name])] for name in sorted(figures)]
    header = ["target", "inputs", "edges reached", "inputs that reach them"]
    return f"{total:,} inputs.\n\n{page_tables.table(header, rows)}"


def main():
    check_versions()
    folder, seconds = build(), int(os.environ.get("FUZZ_SECONDS", DEFAULT_SECONDS))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {name: pool.submit(run, folder / name, seconds) for name in targets()}
    figures = {name: running.result() for name, running in runs.items()}
    found = table(figures)
    print(found)
    page_tables.write(PAGE, "fuzzing", found)


if __name__ == "__main__":
    try:
        main()
    except (FuzzError, subprocess.CalledProcessError) as problem:
        sys.exit(f"fuzz: {problem}")
