"""Makes a build deployable for its own architecture only:
`.venv/bin/python scripts/pin_architecture.py .aws-sam/build/template.yaml x86_64`.

CloudFormation then refuses a deployment for the other architecture, with instructions, before anything changes.
"""

import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

ARCHITECTURES = ("arm64", "x86_64")


def pin(template, architecture):
    """Makes the build's architecture the default and only value of the template's parameter."""
    [other] = set(ARCHITECTURES) - {architecture}
    template["Parameters"]["Architecture"] |= {
        "Default": architecture,
        "AllowedValues": [architecture],
        "ConstraintDescription": f"be {architecture}, which this build is for. Deploy with"
        f" Architecture={architecture}, or build with make build ARCHITECTURE={other}.",
    }


if __name__ == "__main__":
    path, built_for = Path(sys.argv[1]), sys.argv[2]
    built = yaml_parse(path.read_text())
    pin(built, built_for)
    path.write_text(yaml_dump(built))
