"""Makes a build deployable for its own architecture only:
`python3 scripts/pin_architecture.py .aws-sam/build/template.yaml x86_64`.

The build's architecture becomes the default and only value of the template's parameter. CloudFormation then refuses
a deployment for the other one, with instructions, before anything changes.
"""

import re
import sys
from pathlib import Path

ARCHITECTURES = ("arm64", "x86_64")


def pinned(template, architecture):
    """The built template with one allowed value of `Architecture`."""
    [other] = set(ARCHITECTURES) - {architecture}
    block = re.search(r"^  Architecture:\n(?:    .*\n)+", template, re.MULTILINE)
    if not block:
        raise ValueError("the template has no parameter Architecture")
    description = re.search(r"^    Description: .*\n(?:      .*\n)*", block[0], re.MULTILINE)
    parameter = (
        "  Architecture:\n    Type: String\n"
        f"    Default: {architecture}\n    AllowedValues:\n    - {architecture}\n"
        f"    ConstraintDescription: be {architecture}, which this build is for. Deploy with"
        f" Architecture={architecture}, or build with make build ARCHITECTURE={other}.\n"
        f"{description[0] if description else ''}"
    )
    return template[: block.start()] + parameter + template[block.end() :]


def main():
    path, architecture = Path(sys.argv[1]), sys.argv[2]
    path.write_text(pinned(path.read_text(), architecture))


if __name__ == "__main__":
    main()
