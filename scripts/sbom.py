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

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from elftools.elf.elffile import ELFFile
from packageurl import PackageURL

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
    factory, known_licenses = LicenseFactory(), licenses()
    known_checksums = checksums((ROOT / "Cargo.lock").read_text())
    components, dependencies = {}, {}

    def library(package):
        name, number = package["name"], package["version"]
        key = (name, number)
        expression, checksum = known_licenses.get(key), known_checksums.get(key)
        url = PackageURL("cargo", name=name, version=number) if checksum else None
        return Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=number,
            bom_ref=str(url) if url else f"{BUNDLE}/{name}@{number}",
            purl=url,
            licenses=[factory.make_from_string(expression)] if expression else [],
            hashes=[sha256_hash(checksum)] if checksum else [],
        )

    for function, executable in executables.items():
        listed = packages(executable)
        here = []
        for package in listed:
            if package.get("root"):
                component = Component(
                    type=ComponentType.APPLICATION,
                    name=function,
                    version=package["version"],
                    bom_ref=f"{BUNDLE}/{function}@{package['version']}",
                    licenses=[factory.make_from_string(known_licenses[function, package["version"]])],
                    hashes=[sha256_hash(sha256(executable))],
                )
            else:
                component = library(package)
            component = components.setdefault(component.bom_ref.value, component)
            # Required if any function requires it.
            runs = package.get("kind", "runtime") == "runtime"
            if runs or component.scope is ComponentScope.REQUIRED:
                component.scope = ComponentScope.REQUIRED
            else:
                component.scope = ComponentScope.EXCLUDED
            here.append(component)
        for component, package in zip(here, listed, strict=True):
            needed = dependencies.setdefault(component.bom_ref.value, {})
            for index in package.get("dependencies", []):
                needed[here[index].bom_ref.value] = here[index]

    bundle = Component(
        type=ComponentType.APPLICATION,
        name=BUNDLE,
        version=version,
        bom_ref=BUNDLE,
        licenses=[factory.make_from_string("MIT")],
    )
    bom = Bom(components=components.values())
    bom.metadata.component = bundle
    bom.metadata.timestamp = made_at
    functions = [component for component in components.values() if component.name in executables]
    bom.dependencies = [
        Dependency(bundle.bom_ref, [Dependency(function.bom_ref) for function in functions])
    ] + [
        Dependency(component.bom_ref, [Dependency(n.bom_ref) for n in dependencies[ref].values()])
        for ref, component in components.items()
    ]
    # Derived from the content, so that it is reproducible.
    content = "".join(sorted(f"{f} {sha256(e)}\n" for f, e in executables.items()))
    bom.serial_number = uuid.uuid5(NAMESPACE, f"{version}\n{content}")
    return bom


def written(bom):
    """The SBOM as JSON, validated against CycloneDX's schema."""
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        raise ValueError(f"not CycloneDX: {error}")
    return text


def sha256_hash(digits):
    """A SHA-256 for CycloneDX."""
    return HashType(alg=HashAlgorithm.SHA_256, content=digits)


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
    version = workspace_version((ROOT / "Cargo.toml").read_text())
    bom = bill({name: found[name] for name in BINARY_NAMES}, version, commit_time())
    target = folder / NAME
    target.write_text(written(bom))
    print(f"sbom: {len(bom.components)} components in {target}")


if __name__ == "__main__":
    try:
        main()
    except (NotAuditable, ValueError) as problem:
        sys.exit(f"sbom: {problem}")
