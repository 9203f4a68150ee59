"""`make screenshots`: starts `make run` and takes the screenshots of its pages in docs/.

It uses the default ports, since the screenshots show them.
"""

import sys

import check_api
import local
import run
import tools

PORTS = {name: str(getattr(local, name)) for name in run.PORTS}


def main():
    try:
        check_api.install()
        with check_api.Bundle(**PORTS) as bundle:
            program = check_api.TESTS / "screenshots.py"
            command = [tools.BIN / "python", program, local.ROOT / "docs"]
            check_api.step("screenshots", command, bundle.addresses())
    except (tools.ToolsError, run.StartFailed) as problem:
        sys.exit(f"screenshots: {problem}")


if __name__ == "__main__":
    main()
