"""Writes the software bill of materials (SBOM) of a build: `.venv/bin/python scripts/sbom.py .aws-sam/build`.

Lists the packages that cargo-auditable wrote into the executables. These are a few more than are linked, because Cargo
unifies features across the workspace. Build dependencies have the scope `excluded`. Licenses and checksums come from
Cargo. The file is reproducible.
CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
import zlib
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from elftools.elf.elffile import ELFFile

from check_version import workspace_version
from local import BINARY_NAMES, ROOT

NAME = "sbom.cdx.json"
BUNDLE = "calendly-functions"
# Where cargo-auditable writes to: https://github.com/rust-secure-code/cargo-auditable
SECTION = ".dep-v0"
NAMESPACE = uuid.UUID("6f1c0a52-5c0e-4f0e-9d63-1a6f0d5a3c8b")


class NotAuditable(Exception):
    """An executable has no list of packages; the message says what to do."""


def packages(executable):
    """The packages that cargo-auditable wrote into an executable."""
    with executable.open("rb") as file:
        section = ELFFile(file).get_section_by_name(SECTION)
        if section is None:
            raise NotAuditable(
                f"{executable} has no section {SECTION}: it was built without cargo-auditable. "
                "`make build` builds with it."
            )
        return json.loads(zlib.decompress(section.data()))["packages"]


def licenses():
    """{(name, version): SPDX expression} of everything in Cargo.lock."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))["packages"]
    return {
        # A slash is the older form of OR.
        (package["name"], package["version"]): package["license"].replace("/", " OR ")
        for package in found
        if package["license"]
    }


def checksums(lock):
    """{(name, version): SHA-256} of the packages from crates.io in Cargo.lock's text."""
    entry = r'^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"$'
    return {(name, version): sum for name, version, sum in re.findall(entry, lock, re.MULTILINE)}


def bill(executables, version, made_at):
    """The bill of materials of {function: its executable}. `made_at` is a time in UTC."""
    digests = {function: hashlib.sha256(path.read_bytes()).hexdigest() for function, path in executables.items()}
    known_licenses, known_checksums = licenses(), checksums((ROOT / "Cargo.lock").read_text())
    components, dependencies = {}, {BUNDLE: set()}

    def reference(package):
        name, number = package["name"], package["version"]
        return f"pkg:cargo/{name}@{number}" if (name, number) in known_checksums else f"{BUNDLE}/{name}@{number}"

    def component(package):
        key = package["name"], package["version"]
        expression = known_licenses.get(key)
        digest = digests[package["name"]] if package.get("root") else known_checksums.get(key)
        return {
            "type": "application" if package.get("root") else "library",
            "bom-ref": reference(package),
            "name": package["name"],
            "version": package["version"],
            "scope": "excluded",
            "licenses": [{"expression": expression}] if expression else [],
            "hashes": [{"alg": "SHA-256", "content": digest}] if digest else [],
        } | ({"purl": reference(package)} if key in known_checksums else {})

    for executable in executables.values():
        listed = packages(executable)
        for package in listed:
            found = components.setdefault(reference(package), component(package))
            # Required if any function requires it.
            if package.get("kind", "runtime") == "runtime":
                found["scope"] = "required"
            if package.get("root"):
                dependencies[BUNDLE].add(reference(package))
            needed = dependencies.setdefault(reference(package), set())
            needed.update(reference(listed[index]) for index in package.get("dependencies", []))
    # Derived from the content, so that it is reproducible.
    content = "".join(sorted(f"{function} {digest}\n" for function, digest in digests.items()))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(NAMESPACE, f"{version}\n{content}").urn,
        "version": 1,
        "metadata": {
            "timestamp": made_at.isoformat(),
            "component": {
                "type": "application",
                "bom-ref": BUNDLE,
                "name": BUNDLE,
                "version": version,
                "licenses": [{"expression": "MIT"}],
            },
        },
        "components": [components[name] for name in sorted(components)],
        "dependencies": [{"ref": name, "dependsOn": sorted(needed)} for name, needed in sorted(dependencies.items())],
    }


def commit_time():
    """The time of the commit: `SOURCE_DATE_EPOCH`, or git's, or 1970."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if seconds is None:
        command = ["git", "log", "-1", "--format=%ct"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = result.stdout.strip() or "0"
    return datetime.fromtimestamp(int(seconds), timezone.utc)


def main():
    folder = Path(sys.argv[1])
    # Folders are named after resources; the executable has the function's name.
    found = {}
    for executable in sorted(folder.glob("*/bootstrap")):
        root = next(package["name"] for package in packages(executable) if package.get("root"))
        found[root] = executable
    if set(found) != set(BINARY_NAMES):
        raise NotAuditable(f"{BINARY_NAMES} expected in {folder}, got {sorted(found)}")
    bom = bill(found, workspace_version((ROOT / "Cargo.toml").read_text()), commit_time())
    text = json.dumps(bom, indent=2) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"not CycloneDX: {error}")
    (folder / NAME).write_text(text)
    print(f"sbom: {len(bom['components'])} components in {folder / NAME}")


if __name__ == "__main__":
    try:
        main()
    except (NotAuditable, ValueError) as problem:
        sys.exit(f"sbom: {problem}")
