"""The MCP server of `make run` at MCP_URL, with the sandbox at SANDBOX_URL."""

import os

import httpx

URL = os.environ["MCP_URL"]
SANDBOX = os.environ["SANDBOX_URL"]

_client = httpx.Client(timeout=40, trust_env=False)


def token():
    """A valid token of the demo user."""
    form = {"grant_type": "password", "username": "demo", "password": "demo"}
    return _client.post(f"{SANDBOX}/issuer/token", data=form).raise_for_status().json()["access_token"]


def post(message, **headers):
    """The answer to a message of the demo user."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return _client.post(URL, json=message, headers={"Authorization": f"Bearer {token()}"} | headers)
