"""Runs `sam deploy` for a stage:
`.venv/bin/python scripts/deploy.py sam staging .aws-sam/build/template.yaml arm64`.

Passes the stage's parameters of samconfig.toml, and the processor of the build. Without the processor, SAM would keep
that of an existing stack (UsePreviousValue), which a build for the other one refuses. Parameters on the command line
replace those of samconfig.toml, so all of them are passed.
"""

import os
import sys

from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig

from local import ROOT

CONFIG = "samconfig.toml"
PROCESSOR = "Architecture"


class OtherProcessor(Exception):
    """The stage's processor differs from the build's; the text says what to do."""


def parameters(stage, folder=ROOT):
    """{name: value} of a stage's parameters in samconfig.toml, parsed by SAM."""
    configured = SamConfig(str(folder), CONFIG).get_all(["deploy"], "parameters", env=stage)
    return CfnParameterOverridesType().convert(configured.get("parameter_overrides"), None, None)


def command(sam, stage, template, architecture, configured):
    """The arguments of `sam deploy`."""
    wanted = configured.get(PROCESSOR, architecture)
    if wanted != architecture:
        raise OtherProcessor(
            f"{CONFIG} has {PROCESSOR}={wanted} for {stage}, and this build is for {architecture}: "
            f"make deploy STAGE={stage} ARCHITECTURE={wanted}"
        )
    overrides = configured | {PROCESSOR: architecture}
    return [
        *(sam, "deploy"),
        *("--config-file", str(ROOT / CONFIG), "--config-env", stage),
        *("--template-file", template),
        "--parameter-overrides",
        *(f"{name}={quoted(value)}" for name, value in overrides.items()),
    ]


def quoted(value):
    """A value with the quotes that SAM needs."""
    return '"' + value.replace('"', '\\"') + '"'


def main():
    sam, stage, template, architecture = sys.argv[1:]
    arguments = command(sam, stage, template, architecture, parameters(stage))
    os.execvp(sam, arguments)


if __name__ == "__main__":
    try:
        main()
    except OtherProcessor as problem:
        sys.exit(f"deploy: {problem}")
