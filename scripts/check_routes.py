"""Checks that the gateway, the local router, the API description and the README agree on routes.

The gateway's are in template.yaml, the local router's in Cargo.toml
([workspace.metadata.lambda.watch.router]), the API description's in openapi.yaml, the README's
wherever it says `GET /calendly/…`.
"""

import json
import re
import subprocess
import sys

from local import ROOT


def gateway_routes(template):
    """{"GET /path": binary} of the template's functions, each property of which is on one line."""
    routes = {}
    for resource in re.split(r"^  (?=\w+:$)", template, flags=re.MULTILINE):
        if "Type: AWS::Serverless::Function" not in resource:
            continue
        binary = re.search(r"\bBinary: ([\w-]+)", resource)
        for event in re.split(r"^ +Type: HttpApi$", resource, flags=re.MULTILINE)[1:]:
            path = re.search(r"\bPath: ([\w/-]+)", event)
            method = re.search(r"\bMethod: (\w+)", event)
            if not (binary and path and method):
                sys.exit(f"check-routes: cannot read a route in template.yaml:\n{resource}")
            routes[f"{method[1]} {path[1]}"] = binary[1]
    return routes


def router_routes(metadata):
    """{"GET /path": binary} of `cargo metadata`'s answer."""
    router = metadata["metadata"]["lambda"]["watch"]["router"]
    return {
        f"{entry['method']} {path}": entry["function"]
        for path, entries in router.items()
        for entry in entries
    }


def described_routes(openapi):
    """The set of "GET /path" under `paths`, which are written one key a line."""
    routes, path = set(), None
    for line in openapi.splitlines():
        if match := re.match(r"^  (/\S+):$", line):
            path = match[1]
        elif match := re.match(r"^    (get|post|put|patch|delete):$", line):
            routes.add(f"{match[1].upper()} {path}")
    return routes


def readme_routes(readme):
    """The set of "GET /path" that the README speaks of."""
    return set(re.findall(r"\b(?:GET|POST|PUT|PATCH|DELETE) /[\w/-]*\w", readme))


def main():
    metadata = subprocess.check_output(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT
    )
    gateway = gateway_routes((ROOT / "template.yaml").read_text())
    router = router_routes(json.loads(metadata))
    described = described_routes((ROOT / "openapi.yaml").read_text())
    readme = readme_routes((ROOT / "README.md").read_text())
    if not gateway or gateway != router or described != set(gateway) or readme != set(gateway):
        sys.exit(
            "check-routes: the routes differ\n"
            f"  template.yaml  {sorted(gateway.items())}\n"
            f"  Cargo.toml     {sorted(router.items())}\n"
            f"  openapi.yaml   {sorted(described)}\n"
            f"  README.md      {sorted(readme)}"
        )
    print(f"check-routes: {', '.join(sorted(gateway))}")


if __name__ == "__main__":
    main()
