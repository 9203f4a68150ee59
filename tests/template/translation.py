"""Evaluates template.yaml and its nested stacks for given parameters: rules, resources, and outputs.

SAM's own translator turns them into plain CloudFormation.
"""

import copy
import logging
import os
import re

from resolver import PSEUDO_PARAMETERS, Resolver, source
from samtranslator.translator.transform import transform

logging.getLogger("samtranslator").setLevel(logging.ERROR)
logging.getLogger("samcli").setLevel(logging.ERROR)

FUNCTIONS = {
    "UserFunction": "user",
    "UserEventTypesFunction": "user-event-types",
    "CheckAvailabilityFunction": "check-availability",
}
# Only with McpServer.
MCP = "McpFunction"
ISSUER = "https://issuer.example.com"
SIMPLEST = {"JwtAudience": "one,two", "JwtIssuer": ISSUER}
# SAM derives the partition from the region, which must not be the developer's.
os.environ["AWS_DEFAULT_REGION"] = PSEUDO_PARAMETERS["AWS::Region"]


class ManagedPolicies:
    """Replaces SAM's list of managed policies, which it would fetch from IAM. The template uses none by name."""

    def load(self):
        return {}


def translate(**parameters):
    """Translates template.yaml to plain CloudFormation, with unresolved intrinsic functions."""
    template = copy.deepcopy(source())
    for name in [*FUNCTIONS, MCP]:
        template["Resources"][name]["Properties"]["CodeUri"] = f"s3://bucket/{name}"
    return transform(template, values(parameters), ManagedPolicies())


def values(parameters, template=None):
    """Each parameter's value as a string, as in CloudFormation."""
    declared = (template or source())["Parameters"]
    assert set(parameters) <= set(declared), set(parameters) - set(declared)
    filled = {name: str(entry.get("Default", "")) for name, entry in declared.items()}
    return filled | {name: str(value) for name, value in parameters.items()}


def refused_values(parameters):
    """The parameters whose value violates their constraints."""
    refused = []
    for name, value in values(parameters).items():
        entry = source()["Parameters"][name]
        pattern, allowed = entry.get("AllowedPattern"), entry.get("AllowedValues")
        is_list = entry["Type"] == "CommaDelimitedList"
        texts = value.split(",") if is_list else [value]
        if (
            (pattern and not all(re.fullmatch(pattern, text) for text in texts))
            or (allowed and value not in map(str, allowed))
            or ("MinValue" in entry and not is_in_range(value, entry))
        ):
            refused.append(name)
    return refused


def is_in_range(value, entry):
    return value.isdecimal() and entry["MinValue"] <= int(value) <= entry["MaxValue"]


def refusals(**parameters):
    """The messages of the rules that these parameters violate."""
    resolver = Resolver(source(), values(parameters))
    found = []
    for rule in source()["Rules"].values():
        if resolver.resolve(rule.get("RuleCondition", True)):
            for assertion in rule["Assertions"]:
                if not resolver.resolve(assertion["Assert"]):
                    found.append(assertion["AssertDescription"].strip())
    return found


def deployed(**parameters):
    """The resources of the simplest deployment with these parameters, by logical id.

    Ids in a nested stack are prefixed with the stack's id and a period.
    """
    parameters = SIMPLEST | parameters
    if "JwtSecretId" in parameters:
        del parameters["JwtIssuer"]
    found = Resolver(translate(**parameters), values(parameters)).section("Resources")
    for name, entry in list(found.items()):
        if entry["Type"] == "AWS::CloudFormation::Stack":
            inner = nested(name, entry["Properties"])
            found |= {f"{name}.{inner_name}": inner[inner_name] for inner_name in inner}
    return found


def nested(name, properties):
    """The resources of a nested stack, which must receive exactly its parameters."""
    template, given = source(properties["TemplateURL"]), properties["Parameters"]
    assert set(given) == set(template["Parameters"]), f"{name} is given {set(given)}"
    pseudo = PSEUDO_PARAMETERS | {"AWS::StackName": f"stack-{name}-1"}
    return Resolver(template, values(given, template), pseudo).section("Resources")


def of_type(found, kind):
    """The properties of the resources of one type, by logical id."""
    return {name: entry["Properties"] for name, entry in found.items() if entry["Type"] == kind}


def as_list(value):
    """A value that CloudFormation and IAM accept with or without a list around it."""
    return value if isinstance(value, list) else [value]
