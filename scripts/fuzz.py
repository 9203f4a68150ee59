"""Feeds the targets of tests/fuzz/ with inputs, led by what they reach: `make fuzz`.

Each target runs on one core, with the inputs of tests/fuzz/corpus and with those that earlier runs came by, which
are kept in target/fuzz. What a target dies of is kept there too. FUZZ_SECONDS and FUZZ_RUNS say for how long,
or for how many inputs, each target runs; with FUZZ=write the figures go into docs/reliability.md.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import page_tables
from cargo_tools import BIN
from local import ROOT

CRATE = ROOT / "tests" / "fuzz"
CORPUS = CRATE / "corpus"
KEPT = ROOT / "target" / "fuzz"
PAGE = ROOT / "docs" / "reliability.md"
CARGO_FUZZ = BIN / "cargo-fuzz"

# Seconds for each target.
LONG = 180
# Bytes. All that matters to any of them fits.
LARGEST_INPUT = 4096
# Seconds for one input, megabytes for all.
SLOWEST, LARGEST_MEMORY = 5, 2048


class FuzzError(Exception):
    """A target died or could not be run; the text says of what."""


def targets():
    """The names of the targets."""
    return sorted(path.stem for path in (CRATE / "targets").glob("*.rs"))


def versions(lock):
    """{package: {versions}} of a Cargo.lock that came from crates.io."""
    found = {}
    for name, version in re.findall(r'name = "(.*)"\nversion = "(.*)"\nsource = ', lock):
        found.setdefault(name, set()).add(version)
    return found


def check_versions():
    """What is fuzzed is to be what is deployed."""
    deployed = versions((ROOT / "Cargo.lock").read_text())
    fuzzed = versions((CRATE / "Cargo.lock").read_text())
    others = sorted(name for name in fuzzed if name in deployed and not fuzzed[name] <= deployed[name])
    if others:
        raise FuzzError(
            f"tests/fuzz/Cargo.lock has other versions than Cargo.lock of {', '.join(others)}: "
            "cp Cargo.lock tests/fuzz/ && cargo metadata --manifest-path tests/fuzz/Cargo.toml"
        )


def build():
    """Compiles all targets with counters in them. The code has nothing that AddressSanitizer could find."""
    command = [str(CARGO_FUZZ), "build", "--sanitizer", "none", "--target-dir", str(KEPT)]
    subprocess.check_call(command, cwd=ROOT)
    [folder] = {path.parent for path in KEPT.glob(f"*/release/{targets()[0]}")}
    return folder


def limits(environment):
    """libFuzzer's options for how long a target runs."""
    if runs := environment.get("FUZZ_RUNS"):
        return [f"-runs={int(runs)}"]
    return [f"-max_total_time={int(environment.get('FUZZ_SECONDS', LONG))}"]


def run(binary, how_long):
    """Runs one target to its end; how many inputs it had, and how many of them are kept."""
    kept = KEPT / "corpus" / binary.name
    kept.mkdir(parents=True, exist_ok=True)
    command = [
        str(binary),
        *how_long,
        f"-max_len={LARGEST_INPUT}",
        f"-timeout={SLOWEST}",
        f"-rss_limit_mb={LARGEST_MEMORY}",
        "-print_final_stats=1",
        f"-artifact_prefix={KEPT}/found-{binary.name}-",
        str(kept),
        str(CORPUS / binary.name),
    ]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = ran.stderr.decode(errors="replace")
    if ran.returncode != 0:
        raise FuzzError(f"{binary.name} died:\n{said[-4000:]}")
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    coverage = re.findall(r"cov: (\d+)", said)
    if not executed or not coverage:
        raise FuzzError(f"{binary.name} says nothing of what it did:\n{said[-4000:]}")
    figures = int(executed[1]), int(coverage[-1]), len(list(kept.iterdir()))
    print(f"{binary.name}: {figures[0]:,} inputs", flush=True)
    return figures


def table(figures):
    """The page's table of {target: (inputs, edges, kept)}."""
    total = sum(inputs for inputs, _, _ in figures.values())
    rows = [[f"`{name}`", *(f"{figure:,}" for figure in figures[name])] for name in sorted(figures)]
    header = ["target", "inputs", "edges reached", "inputs that reach them"]
    return f"{total:,} inputs.\n\n{page_tables.table(header, rows)}"


def main():
    check_versions()
    folder, how_long = build(), limits(os.environ)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {name: pool.submit(run, folder / name, how_long) for name in targets()}
    figures = {name: running.result() for name, running in runs.items()}
    found = table(figures)
    print(found)
    if os.environ.get("FUZZ") == "write":
        page_tables.write(PAGE, "fuzzing", found)


if __name__ == "__main__":
    try:
        main()
    except (FuzzError, subprocess.CalledProcessError) as problem:
        sys.exit(f"fuzz: {problem}")
