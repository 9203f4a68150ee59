"""Which changes of the code nobody notices: `make mutants`, after cargo-mutants has tried the unit tests.

What no unit test notices is tried once more, in a copy of the project under target/mutants: is it noticed by the
end-to-end tests, which drive the built functions? What is known of each change is kept in target/mutants.json, so that
files can be gone through one at a time, and so that this script can be interrupted: run again, it goes on. With
MUTANTS_PAGE=write the figures go into docs/mutants.md.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import page_tables
from cargo_tools import BIN, NOT_PASSED_ON
from local import FUNCTIONS as PACKAGES
from local import ROOT
from processes import Processes

PAGE = ROOT / "docs" / "mutants.md"
CARGO_MUTANTS = BIN / "cargo-mutants"
OUTCOMES = ROOT / "target" / "mutants.out" / "outcomes.json"
KNOWN = ROOT / "target" / "mutants.json"
COPY = ROOT / "target" / "mutants"

# They take minutes for each change.
SLOW = {"faults", "freeze", "long", "main", "memory"}
# Those that are about some of the code are likely to notice its changes, and are run before the others.
FIRST = {
    "functions/check-availability/": ["availability_queries", "event_type_resolution", "availability"],
    "shared/src/auth/": ["authentication", "issuer_keys"],
    "shared/src/calendly/kept_times": ["availability_cache"],
    "shared/src/calendly/": ["calendly_errors", "call_counts", "user", "availability_cache"],
    "shared/src/http/": ["init", "warm_up", "call_counts"],
    "shared/src/pat": ["pat"],
    "shared/src/runtime/": ["init", "sample_events"],
    "shared/src/secrets": ["pat", "moto"],
    "shared/src/table/": ["remote_cache"],
    "shared/src/telemetry/": ["logs"],
    "shared/": ["user"],
}
# Seconds for a module of end-to-end tests, which takes less than half of that.
SLOWEST = 120

# What becomes of a change: noticed by these, not noticed, or no code at all.
UNIT, ENDLESS, FUNCTIONS, MISSED, UNVIABLE = "unit tests", "time", "end-to-end tests", "missed", "unviable"
# Not tried with the functions yet.
UNNOTICED = "unnoticed"
SUMMARIES = {"CaughtMutant": UNIT, "Timeout": ENDLESS, "MissedMutant": UNNOTICED, "Unviable": UNVIABLE}
COLUMNS = {
    UNIT: "noticed by unit tests",
    ENDLESS: "by a test that does not end",
    FUNCTIONS: "by end-to-end tests",
    MISSED: "missed",
    UNVIABLE: "unviable",
}


class MutantsError(Exception):
    """The changes could not be tried; the text says why."""


def listed():
    """{name: change} of all changes that cargo-mutants makes."""
    command = [str(CARGO_MUTANTS), "mutants", "--list", "--json"]
    for package in ("shared", "check-availability"):
        command += ["--package", package]
    return {change["name"]: change for change in json.loads(subprocess.check_output(command, cwd=ROOT))}


def known(outcomes, changes):
    """Of what is known, that of changes that there still are."""
    return {name: outcome for name, outcome in outcomes.items() if name in changes}


def merged(earlier, outcomes):
    """What is known after another run of cargo-mutants."""
    ran = [(it["scenario"]["Mutant"]["name"], it) for it in outcomes["outcomes"] if it["scenario"] != "Baseline"]
    found = dict(earlier)
    for name, outcome in ran:
        unit = SUMMARIES[outcome["summary"]]
        if not (unit == UNNOTICED and earlier.get(name) == FUNCTIONS):
            found[name] = unit
    return found


def changed(text, change):
    """A file's text with one change made."""
    lines = text.splitlines(keepends=True)
    start, end = (
        sum(map(len, lines[: at["line"] - 1])) + at["column"] - 1
        for at in (change["span"]["start"], change["span"]["end"])
    )
    return text[:start] + change["replacement"] + text[end:]


def copy_project():
    """Brings the copy up to date. What did not change keeps its time, and is not compiled again."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed_files = subprocess.check_output(command, cwd=ROOT, text=True).split("\0")
    paths = {path for path in map(Path, filter(None, listed_files)) if (ROOT / path).is_file()}
    for path in paths:
        source, target = ROOT / path, COPY / path
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for folder in (entry for entry in COPY.iterdir() if entry.is_dir() and entry.name != "target"):
        for file in folder.rglob("*"):
            if file.is_file() and file.relative_to(COPY) not in paths:
                file.unlink()


def end_to_end(file):
    """The end-to-end tests that take seconds, likely ones first."""
    tests = {path.stem for path in (ROOT / "tests" / "end-to-end" / "tests").iterdir()} - SLOW
    likely = next(names for folder, names in FIRST.items() if file.startswith(folder))
    return [*likely, *sorted(tests - set(likely))]


def run(command, limit=None):
    """Whether a command succeeds in the copy, within so many seconds. What takes longer is stopped with all it started."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    with Processes(COPY / "target") as processes:
        try:
            processes.run(command, environment, COPY, limit, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return True
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False


def passes(file):
    """Whether the functions that are in the copy pass the end-to-end tests, after a change in this file."""
    if not run(["cargo", "build", "--quiet", *(f"--package={package}" for package in PACKAGES)]):
        raise MutantsError(f"what is in {COPY} does not compile")
    commands = [
        ["cargo", "test", "--quiet", "--package=end-to-end", "--test=end-to-end", f"{test}::"]
        for test in end_to_end(file)
    ]
    # On a busy machine a test may fail once for lack of time.
    return all(run(command, SLOWEST) or run(command, SLOWEST) for command in commands)


def is_noticed(change):
    """Whether the end-to-end tests fail with a change."""
    file = COPY / change["file"]
    text = file.read_text()
    file.write_text(changed(text, change))
    try:
        return not passes(change["file"])
    finally:
        file.write_text(text)


def try_functions(outcomes, changes):
    """Tries the end-to-end tests with each change that no unit test notices."""
    left = [name for name, outcome in outcomes.items() if outcome == UNNOTICED]
    if not left:
        return
    copy_project()
    # Compiles them, which takes long the first time.
    run(["cargo", "test", "--quiet", "--package", "end-to-end", "--no-run"])
    if not passes("shared/"):
        raise MutantsError("the end-to-end tests fail without any change: does `make unit` pass?")
    for number, name in enumerate(left, start=1):
        outcomes[name] = FUNCTIONS if is_noticed(changes[name]) else MISSED
        KNOWN.write_text(json.dumps(outcomes, indent=1))
        print(f"{number} of {len(left)}: {outcomes[name]}: {name}", flush=True)


def table(outcomes, changes):
    """The page's table."""
    by_file = {}
    for name, outcome in outcomes.items():
        by_file.setdefault(changes[name]["file"], Counter())[outcome] += 1
    counted = [(f"`{file}`", counts) for file, counts in sorted(by_file.items())]
    counted.append(("all", sum(by_file.values(), Counter())))
    rows = [
        [name, str(counts.total()), *(str(counts[outcome]) for outcome in COLUMNS)] for name, counts in counted
    ]
    return page_tables.table(["file", "changes", *COLUMNS.values()], rows)


def main():
    changes = listed()
    outcomes = json.loads(KNOWN.read_text()) if KNOWN.is_file() else {}
    if OUTCOMES.is_file():
        outcomes = merged(outcomes, json.loads(OUTCOMES.read_text()))
    outcomes = known(outcomes, changes)
    KNOWN.write_text(json.dumps(outcomes, indent=1))
    # It is known now. What is tried from here on would be forgotten if it were read again.
    OUTCOMES.unlink(missing_ok=True)
    try_functions(outcomes, changes)
    found = table(outcomes, changes)
    print(found)
    if os.environ.get("MUTANTS_PAGE") == "write":
        page_tables.write(PAGE, "mutants", found)


if __name__ == "__main__":
    try:
        main()
    except (MutantsError, subprocess.CalledProcessError) as problem:
        sys.exit(f"mutants: {problem}")
