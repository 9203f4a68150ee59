"""`make budgets` and `make record-budgets`: counts of the functions, compared with bench/budgets.json."""

import subprocess
import sys

import build
import tools


def main():
    try:
        for use in ("budgets", "build"):
            tools.install(use)
        build.functions()
        # The driver's speed does not affect the counts.
        build.cargo("build", "--quiet", "--package", "bench")
        # It prints the problems.
        sys.exit(subprocess.call([build.ROOT / "target" / "debug" / "bench", sys.argv[1]]))
    except (tools.ToolsError, subprocess.CalledProcessError) as problem:
        sys.exit(f"budgets: {problem}")


if __name__ == "__main__":
    main()
