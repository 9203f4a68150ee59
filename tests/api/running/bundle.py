"""The bundle of `make run` at FUNCTIONS_URL, with the sandbox at SANDBOX_URL."""

import json
import os

import httpx

FUNCTIONS = os.environ["FUNCTIONS_URL"]
SANDBOX = os.environ["SANDBOX_URL"]

_client = httpx.Client(timeout=40, trust_env=False)


def token():
    """A valid token of the demo user."""
    form = {"grant_type": "password", "username": "demo", "password": "demo"}
    return _client.post(f"{SANDBOX}/issuer/token", data=form).raise_for_status().json()["access_token"]


def mint(**claims):
    """A token with these claims."""
    order = {"claims": claims}
    return _client.post(f"{SANDBOX}/issuer/mint", json=order).raise_for_status().json()["access_token"]


def request(method, path, **options):
    """The answer to a request."""
    return _client.request(method, FUNCTIONS + path, **options)


def ask(function, **parameters):
    """A function's answer to a request of the demo user."""
    headers = {"Authorization": f"Bearer {token()}"}
    return request("GET", f"/calendly/{function}", params=parameters, headers=headers)


def fault(path, times, status, headers=None, body=None):
    """Makes the next calls to a path of Calendly fail."""
    fields = {"headers": headers or {}, "body": json.dumps(body) if body else ""}
    _post_fault(path, times, {"kind": "status", "status": status, **fields})


def hang(path):
    """Makes the next call to a path of Calendly hang, until the function retries it after 5 s."""
    _post_fault(path, 1, {"kind": "hang"})


def _post_fault(path, times, order):
    answer = _client.post(f"{SANDBOX}/sandbox/faults", json={"path": path, "times": times, "fault": order})
    answer.raise_for_status()


def clear_faults():
    _client.delete(f"{SANDBOX}/sandbox/faults").raise_for_status()


def called_paths():
    """The paths of the calls that the sandbox has received."""
    return [call["path"] for call in _client.get(f"{SANDBOX}/sandbox/calls").raise_for_status().json()]


def clear_calls():
    _client.delete(f"{SANDBOX}/sandbox/calls").raise_for_status()
