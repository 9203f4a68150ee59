"""Writes the release files of one architecture: `.venv/bin/python scripts/release.py .aws-sam/build arm64 dist`.

A zip file per function, and a template that deploys them without a compiler. `make release-artifacts` adds the
checksums.
"""

import shutil
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

import sbom
from archive import zipped
from local import ROOT
from pin_architecture import pin


def zip_name(function, architecture):
    """The file of a function in a release."""
    return f"{function}-{architecture}.zip"


def compiled_functions(template):
    """{resource: binary} of the functions that cargo-lambda builds."""
    return {
        resource: body["Metadata"]["BuildProperties"]["Binary"]
        for resource, body in template["Resources"].items()
        if body.get("Metadata", {}).get("BuildMethod") == "rust-cargolambda"
    }


def stacks(template):
    """{resource: template} of the nested stacks."""
    return {
        resource: body["Properties"]["TemplateURL"]
        for resource, body in template["Resources"].items()
        if body["Type"] == "AWS::CloudFormation::Stack"
    }


def write(built, architecture, target):
    """Writes the files of one architecture into `target`, from the output of `sam build`."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    target.mkdir(parents=True, exist_ok=True)
    for resource, function in compiled_functions(template).items():
        file = target / zip_name(function, architecture)
        file.write_bytes(zipped((built / resource / "bootstrap").read_bytes()))
        print(f"release: {file} ({file.stat().st_size} bytes)")
        body = template["Resources"][resource]
        del body["Metadata"]["BuildMethod"], body["Metadata"]["BuildProperties"]
        body["Properties"]["CodeUri"] = f"./{file.name}"
    for resource, file in stacks(template).items():
        # A release has no folders.
        name = f"stack-{Path(file).name}"
        shutil.copyfile(ROOT / file, target / name)
        template["Resources"][resource]["Properties"]["TemplateURL"] = f"./{name}"
    del template["Globals"]["Function"]["CodeUri"]
    pin(template, architecture)
    (target / f"template-{architecture}.yaml").write_text(yaml_dump(template))
    shutil.copyfile(built / sbom.NAME, target / f"sbom-{architecture}.cdx.json")
    shutil.copyfile(ROOT / "LICENSE", target / "LICENSE.txt")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
