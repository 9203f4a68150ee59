"""Replaces the parameter `Architecture` of a built template with the architecture of the build:
`.venv/bin/python scripts/pin_architecture.py .aws-sam/build/template.yaml x86_64`.

A build is for one architecture. With the parameter, `sam deploy` would keep an existing stack's value.
"""

import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse


def pin(template, architecture):
    del template["Parameters"]["Architecture"]
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        group["Parameters"] = [name for name in group["Parameters"] if name != "Architecture"]
    template["Globals"]["Function"]["Architectures"] = [architecture]
    record = template["Resources"]["Configuration"]["Properties"]["Content"]
    record["Fn::Sub"] = record["Fn::Sub"].replace("${Architecture}", architecture)


if __name__ == "__main__":
    path, built_for = Path(sys.argv[1]), sys.argv[2]
    built = yaml_parse(path.read_text())
    pin(built, built_for)
    path.write_text(yaml_dump(built))
