"""Writes the release files of one architecture: `.venv/bin/python scripts/release.py .aws-sam/build arm64 dist`.

A zip file per function, and a template that deploys them without a compiler. `make release-artifacts` adds the
checksums.
"""

import copy
import os
import shutil
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

import sbom
from archive import zipped
from check_version import workspace_version
from local import ROOT

BUILD_METHOD = "rust-cargolambda"
APPLICATION = "AWS::ServerlessRepo::Application"
# Named in the templates.
TEXTS = {"LICENSE": "LICENSE.txt", "README.md": "README.md"}


class CannotPackage(Exception):
    """The template cannot be packaged; the message says what to do."""


def zip_name(function, architecture):
    """The file of a function in a release."""
    return f"{function}-{architecture}.zip"


def template_name(architecture):
    """The file of the packaged template."""
    return f"template-{architecture}.yaml"


def sbom_name(architecture):
    """The file of the SBOM."""
    return f"sbom-{architecture}.cdx.json"


def stack_name(file):
    """The file of a nested stack: a release has no folders."""
    return f"stack-{Path(file).name}"


def compiled_functions(template):
    """{resource: binary} of the functions that cargo-lambda builds."""
    found = {}
    for resource, body in template["Resources"].items():
        metadata = body.get("Metadata", {})
        if metadata.get("BuildMethod") == BUILD_METHOD:
            found[resource] = metadata["BuildProperties"]["Binary"]
        elif body["Type"] == "AWS::Serverless::Function" and "InlineCode" not in body["Properties"]:
            raise CannotPackage(
                f"{resource} is neither built with {BUILD_METHOD} nor inline: say in release.py how it "
                "is packaged."
            )
    return found


def stacks(template):
    """{resource: template} of the nested stacks."""
    return {
        resource: body["Properties"]["TemplateURL"]
        for resource, body in template["Resources"].items()
        if body["Type"] == "AWS::CloudFormation::Stack"
    }


def packaged(template, architecture, version, source_url=None):
    """The template with the zip files beside it as code, for one architecture."""
    template = copy.deepcopy(template)
    functions = compiled_functions(template)
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource, function in functions.items():
        body = template["Resources"][resource]
        del body["Metadata"]["BuildMethod"], body["Metadata"]["BuildProperties"]
        if not body["Metadata"]:
            del body["Metadata"]
        body["Properties"]["CodeUri"] = f"./{zip_name(function, architecture)}"
    for resource, file in stacks(template).items():
        template["Resources"][resource]["Properties"]["TemplateURL"] = f"./{stack_name(file)}"
    parameter = template["Parameters"]["Architecture"]
    parameter |= {"Default": architecture, "AllowedValues": [architecture]}
    template.setdefault("Metadata", {})[APPLICATION] = application(architecture, version, source_url)
    return template


def application(architecture, version, source_url):
    """The metadata for the Serverless Application Repository.

    The members are those of
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html
    """
    told = {
        # An application has one template, so there is one per architecture.
        "Name": f"{sbom.BUNDLE}-{architecture.replace('_', '-')}",
        "Description": "Calendly for your own callers: functions in Rust behind an HTTP API that "
        "validate the caller's token and answer from Calendly.",
        "Author": sbom.BUNDLE,
        "SpdxLicenseId": "MIT",
        "LicenseUrl": "./LICENSE.txt",
        "ReadmeUrl": "./README.md",
        "Labels": ["calendly", "rust", "oauth2", "jwt", "scheduling"],
        "SemanticVersion": version,
    }
    if source_url:
        told |= {"HomePageUrl": source_url, "SourceCodeUrl": source_url}
    return told


def write(built, architecture, target, source_url=None):
    """Writes the files of one architecture into `target`, from the output of `sam build`."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    target.mkdir(parents=True, exist_ok=True)
    for resource, function in compiled_functions(template).items():
        executable = built / resource / "bootstrap"
        if not executable.is_file():
            raise CannotPackage(f"{executable} is missing: `make build` builds it.")
        file = target / zip_name(function, architecture)
        file.write_bytes(zipped(executable.read_bytes()))
        print(f"release: {file} ({file.stat().st_size} bytes)")
    version = workspace_version((ROOT / "Cargo.toml").read_text())
    whole = packaged(template, architecture, version, source_url)
    (target / template_name(architecture)).write_text(yaml_dump(whole))
    shutil.copyfile(built / sbom.NAME, target / sbom_name(architecture))
    for file in stacks(template).values():
        if stacks(yaml_parse((ROOT / file).read_text())):
            raise CannotPackage(f"{file} has stacks of its own: say in release.py where they go.")
        shutil.copyfile(ROOT / file, target / stack_name(file))
    for source, name in TEXTS.items():
        shutil.copyfile(ROOT / source, target / name)


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), os.environ.get("SOURCE_URL"))
    except CannotPackage as problem:
        sys.exit(f"release: {problem}")
