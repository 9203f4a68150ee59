"""Reads openapi.yaml."""

from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[3]
NAME = "urn:openapi"
PROBLEM = "application/problem+json"

DOCUMENT = yaml.safe_load((ROOT / "openapi.yaml").read_text())
_REGISTRY = Registry().with_resource(NAME, Resource(contents=DOCUMENT, specification=DRAFT202012))


def resolved(node):
    """(node, pointer) that a reference within the document resolves to."""
    pointer = None
    while "$ref" in node:
        pointer = node["$ref"]
        node = DOCUMENT
        for part in pointer.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
    return node, pointer


def operations(for_agents=False):
    """{operationId: operation} of the routes with query parameters, or of those for agents."""
    every = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
    return {one["operationId"]: one for one in every if (one["tags"] == ["Agents"]) == for_agents}


def parameters(operation):
    return [resolved(parameter)[0] for parameter in operation.get("parameters", [])]


def responses(operation):
    """{status or "default": response}."""
    return {status: resolved(response)[0] for status, response in operation["responses"].items()}


def codes(response):
    """The codes of a response's problems."""
    schema = response.get("content", {}).get(PROBLEM, {}).get("schema")
    if schema is None:
        return set()
    parts = resolved(schema)[0]["allOf"]
    return {code for part in parts for code in part.get("properties", {}).get("code", {}).get("enum", [])}


def errors(schema, value):
    """The violations of a schema, one line each. References resolve within this document."""
    schema = _absolute(schema)
    validator = Draft202012Validator(
        schema, registry=_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _absolute(node):
    if isinstance(node, dict):
        return {
            key: NAME + value if key == "$ref" and value.startswith("#") else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(item) for item in node] if isinstance(node, list) else node
