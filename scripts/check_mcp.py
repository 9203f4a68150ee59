"""`make check-mcp`: drives the MCP server of `make run` with the official SDKs and the official conformance tests."""

import signal
import sys

import check_api
import local
import run
import tools
from processes import ProcessFailed, free_ports


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("check-mcp: stopped"))
    try:
        [port] = free_ports(1)
        origins = ",".join(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost"))
        with check_api.bundle(MCP_ALLOWED_ORIGINS=origins) as settings:
            addresses = check_api.addresses(settings) | {
                "NODE_PACKAGES": str(tools.npm("mcp")),
                "PROXY_PORT": str(port),
            }
            tests = ["-m", "unittest", "discover", "--start-directory", local.ROOT / "tests" / "mcp"]
            check_api.step("the clients", [tools.BIN / "python", *tests], addresses)
    except (run.StartFailed, ProcessFailed) as problem:
        sys.exit(f"check-mcp: {problem}")


if __name__ == "__main__":
    main()
