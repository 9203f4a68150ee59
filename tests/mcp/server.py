"""The MCP server of `make run`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "api" / "running"))

import bundle  # noqa: E402
from bundle import token  # noqa: E402

ROUTE = "/calendly/mcp"
URL = bundle.FUNCTIONS + ROUTE


def post(message, **headers):
    """The answer to a message of the demo user."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return bundle.request("POST", ROUTE, json=message, headers={"Authorization": f"Bearer {token()}"} | headers)
