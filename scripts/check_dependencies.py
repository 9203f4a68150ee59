"""Checks that the functions link one TLS stack, one crypto provider and one HTTP implementation.

Each more is binary size, and so cold start, and one more thing to keep patched. What must not come in
by any other name is listed in deny.toml.
"""

import subprocess
import sys
from collections import defaultdict

from local import FUNCTIONS, ROOT

# What runs on Lambda.
TARGETS = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]

ONE_VERSION = {
    "rustls": "the TLS stack",
    "ring": "the crypto provider",
    "hyper": "the HTTP implementation",
}


def linked_packages(targets=TARGETS):
    """{package: {versions}} of everything that the functions link, on all of these targets."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none"]
    command += ["--format", "{p}", "--no-dedupe"]
    for function in FUNCTIONS:
        command += ["--package", function]
    for target in targets:
        command += ["--target", target]
    packages = defaultdict(set)
    for line in subprocess.check_output(command, cwd=ROOT, text=True).splitlines():
        if line:
            name, version = line.split()[:2]
            packages[name].add(version)
    return packages


def problems(packages):
    """What is wrong with a set of packages, a line each."""
    for name, role in ONE_VERSION.items():
        versions = packages.get(name, set())
        if len(versions) != 1:
            yield f"{name}, {role}: one version expected, got {sorted(versions) or 'none'}"


def main():
    packages = linked_packages()
    found = list(problems(packages))
    if found:
        sys.exit("check-dependencies:\n  " + "\n  ".join(found))
    versions = [f"{name} {', '.join(packages[name])}" for name in ONE_VERSION]
    print(f"check-dependencies: {len(packages)} packages; {'; '.join(versions)}")


if __name__ == "__main__":
    main()
