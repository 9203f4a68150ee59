"""Evaluates CloudFormation's intrinsic functions, as far as the templates use them.

Other functions, and references to resources that do not exist, raise an error.
"""

import functools
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
# The beginning of secret ARNs.
SECRETS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"

# AWS::NoValue, until it is removed.
NOTHING = object()


@functools.cache
def source(path="template.yaml"):
    """A parsed template. Callers must not change it."""
    return yaml_parse((ROOT / path).read_text())


class Resolver:
    """Evaluates the intrinsic functions of one template."""

    def __init__(self, template, parameters, pseudo=None):
        self.template = template
        self.pseudo = pseudo or PSEUDO_PARAMETERS
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
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::") or name == "Ref":
                return getattr(self, "do_" + name.removeprefix("Fn::").lower())(argument)
        items = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in items.items() if value is not NOTHING}

    def do_ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if self.template["Resources"][name]["Type"] == "AWS::SecretsManager::Secret":
            return f"{SECRETS}<{self.present(name)}>"
        return f"<{self.present(name)}>"

    def do_getatt(self, argument):
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        resource = self.template["Resources"][name]
        if resource["Type"] == "AWS::CloudFormation::Stack":
            outputs = source(resource["Properties"]["TemplateURL"])["Outputs"]
            assert attribute.removeprefix("Outputs.") in outputs, f"{name} has no {attribute}"
        return f"<{self.present(name)}.{attribute}>"

    def present(self, name):
        """The name of a resource, which must exist under these parameters."""
        condition = self.template["Resources"][name].get("Condition")
        assert condition is None or self.condition(condition), f"{name} does not exist under these parameters"
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


def is_list(template, name):
    return template["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList"
