"""What CloudFormation makes of template.yaml for given parameters: its rules, and its resources
with every intrinsic function worked out.

The translation to plain CloudFormation is SAM's own. The functions are those that the template uses;
any other fails the tests, and so does a reference to something that is not there.
"""

import copy
import functools
import logging
import os
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

logging.getLogger("samtranslator").setLevel(logging.ERROR)
logging.getLogger("samcli").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    "UserFunction": "user",
    "UserEventTypesFunction": "user-event-types",
    "CheckAvailabilityFunction": "check-availability",
}
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
# Of which SAM derives the partition; it must not ask for the developer's own.
os.environ["AWS_DEFAULT_REGION"] = PSEUDO_PARAMETERS["AWS::Region"]

# What a resource without a value (AWS::NoValue) is until it is left out.
NOTHING = object()


class ManagedPolicies:
    """The managed policies that SAM itself attaches, by name; SAM asks IAM for more."""

    def load(self):
        names = {
            "AWSLambdaBasicExecutionRole": "service-role/AWSLambdaBasicExecutionRole",
            "AWSXrayWriteOnlyAccess": "AWSXrayWriteOnlyAccess",
        }
        return {name: f"arn:aws:iam::aws:policy/{path}" for name, path in names.items()}


@functools.cache
def source():
    """template.yaml as it is written. Not to be changed."""
    return yaml_parse((ROOT / "template.yaml").read_text())


def translate(**parameters):
    """The plain CloudFormation template, intrinsic functions included."""
    template = copy.deepcopy(source())
    for name in FUNCTIONS:
        template["Resources"][name]["Properties"]["CodeUri"] = f"s3://bucket/{name}"
    return transform(template, values(parameters), ManagedPolicies())


def values(parameters):
    """Each parameter's value, as CloudFormation hands it over: text."""
    declared = source()["Parameters"]
    assert set(parameters) <= set(declared), set(parameters) - set(declared)
    filled = {name: str(entry.get("Default", "")) for name, entry in declared.items()}
    return filled | {name: str(value) for name, value in parameters.items()}


def refused_values(parameters):
    """The parameters whose value their own constraints refuse."""
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
    """What the rules say against these parameters; nothing if they are allowed."""
    resolver = Resolver(source(), values(parameters))
    found = []
    for rule in source()["Rules"].values():
        if resolver.resolve(rule.get("RuleCondition", True)):
            for assertion in rule["Assertions"]:
                if not resolver.resolve(assertion["Assert"]):
                    found.append(assertion["AssertDescription"].strip())
    return found


def resolve(translated, **parameters):
    """The resources and outputs that come to be, worked out: (resources, outputs)."""
    resolver = Resolver(translated, values(parameters))
    return resolver.section("Resources"), resolver.section("Outputs")


def with_conditions_applied(translated, **parameters):
    """The resources that come to be, with what conditions decide decided and all else left to
    CloudFormation."""
    found = ConditionResolver(translated, values(parameters)).section("Resources")
    for entry in found.values():
        entry.pop("Condition", None)
    return found


class Resolver:
    """Works out the intrinsic functions of one template."""

    def __init__(self, template, parameters):
        self.template = template
        self.texts = parameters
        self.parameters = {
            name: value.split(",") if is_list(template, name) else value
            for name, value in parameters.items()
        }

    def section(self, name):
        present = {
            key: entry
            for key, entry in self.template[name].items()
            if "Condition" not in entry or self.condition(entry["Condition"])
        }
        return {key: self.resolve(entry) for key, entry in present.items()}

    def condition(self, name):
        return self.resolve(self.template["Conditions"][name])

    def resolve(self, node):
        if isinstance(node, list):
            return [item for item in map(self.resolve, node) if item is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if name.startswith("Fn::") or name == "Ref":
                return getattr(self, "do_" + name.removeprefix("Fn::").lower())(argument)
        items = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in items.items() if value is not NOTHING}

    def do_ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        return self.parameters[name] if name in self.parameters else f"<{self.present(name)}>"

    def do_getatt(self, argument):
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        return f"<{self.present(name)}.{attribute}>"

    def present(self, name):
        """The name of a resource, which must be there under these parameters."""
        condition = self.template["Resources"][name].get("Condition")
        assert condition is None or self.condition(condition), f"{name} is not there"
        return name

    def do_sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})

        def value(match):
            name = match[1]
            if name in own:
                return self.resolve(own[name])
            if "." in name:
                return self.do_getatt(name)
            return str(self.do_ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", value, text)

    def do_if(self, argument):
        condition, yes, no = argument
        return self.resolve(yes if self.condition(condition) else no)

    def do_equals(self, argument):
        one, other = map(self.resolve, argument)
        return str(one) == str(other)

    def do_not(self, argument):
        return not self.resolve(argument[0])

    def do_and(self, argument):
        return all(map(self.resolve, argument))

    def do_or(self, argument):
        return any(map(self.resolve, argument))

    def do_join(self, argument):
        separator, parts = argument
        return separator.join(self.resolve(parts))

    def do_split(self, argument):
        separator, text = argument
        return self.resolve(text).split(separator)

    def do_select(self, argument):
        index, parts = argument
        return self.resolve(parts)[int(index)]


class ConditionResolver(Resolver):
    """Works out conditions and what hangs on them, and leaves all else as it is."""

    def resolve(self, node):
        if isinstance(node, dict) and len(node) == 1:
            [(name, argument)] = node.items()
            if name == "Ref" and argument == "AWS::NoValue":
                return NOTHING
            if name.startswith("Fn::") and name != "Fn::If":
                return {name: self.resolve(argument)}
            if name == "Ref":
                return node
        return super().resolve(node)

    def condition(self, name):
        return Resolver(self.template, self.texts).condition(name)


def is_list(template, name):
    return template["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList"
