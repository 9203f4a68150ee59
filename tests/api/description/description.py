"""Reads openapi.yaml."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
PROBLEM = "application/problem+json"

DOCUMENT = yaml.safe_load((ROOT / "openapi.yaml").read_text())


def resolved(node):
    """The node that a reference within the document resolves to."""
    while "$ref" in node:
        path, node = node["$ref"].removeprefix("#/").split("/"), DOCUMENT
        for part in path:
            node = node[part]
    return node


def operations(for_agents=False):
    """{operationId: operation} of the routes with query parameters, or of those for agents."""
    every = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
    return {one["operationId"]: one for one in every if (one["tags"] == ["Agents"]) == for_agents}


def parameters(operation):
    return [resolved(parameter) for parameter in operation.get("parameters", [])]


def responses(operation):
    """{status or "default": response}."""
    return {status: resolved(response) for status, response in operation["responses"].items()}


def codes(response):
    """The codes of a response's problems."""
    schema = response.get("content", {}).get(PROBLEM, {}).get("schema")
    if schema is None:
        return set()
    parts = resolved(schema)["allOf"]
    return {code for part in parts for code in part.get("properties", {}).get("code", {}).get("enum", [])}
