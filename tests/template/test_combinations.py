"""Every combination of parameters that the rules allow translates and passes the linter."""

import json
import re
import unittest

import cfnlint.api
from cfnlint.config import ManualArgs
from combinations import KINDS, SIMPLEST, allowed
from translation import FUNCTIONS, of_type, resolve, translate, with_conditions_applied


class EveryCombination(unittest.TestCase):
    """cfn-lint checks each variant of each resource."""

    def test_all_translate_and_pass_the_linter(self):
        translated = translate(**SIMPLEST)
        forms, count = {}, 0
        for parameters in allowed():
            count += 1
            found, outputs = resolve(translated, **parameters)
            self.assertEqual(set(FUNCTIONS), set(of_type(found, "AWS::Lambda::Function")))
            self.assertIn("BaseUrl", outputs)
            for name, entry in with_conditions_applied(translated, **parameters).items():
                forms.setdefault(name, {})[json.dumps(entry, sort_keys=True)] = entry
        # Four kinds of issuer, and the authorizer with the first kind.
        others = [
            len(values) for kind, values in KINDS.items() if kind not in ("issuer", "authorizer")
        ]
        expected = 4 + 1
        for number in others:
            expected *= number
        self.assertEqual(count, expected)
        self.assertEqual(lint(translated, forms), [])
        number = sum(map(len, forms.values()))
        print(f"\n{count} combinations: {number} forms of {len(forms)} resources")


def lint(translated, forms):
    """The findings of cfn-lint for all forms in one template. The first form keeps its name."""
    every_form = {
        f"{name}{number or ''}": entry
        for name, entries in forms.items()
        for number, entry in enumerate(entries.values())
    }
    # The values contradict each other, but the linter does not evaluate rules.
    given = dict(item for kind in KINDS.values() for values in kind for item in values.items())
    # The linter uses the default of a parameter as its value.
    parameters = {
        name: entry | ({"Default": given[name]} if name in given else {})
        for name, entry in translated["Parameters"].items()
    }
    template = {"Parameters": parameters, "Resources": every_form}
    # Ignored: unused parameters (outputs and conditions use them), forms of one resource with the same name, nested
    # stacks that are not packaged, and UpdateReplacePolicy without DeletionPolicy, which template.yaml explains.
    arguments = ManualArgs(regions=["eu-west-1"], ignore_checks=["W2001", "E3019", "W3002", "W3011"])
    return [
        f"{match.rule.id} {match.message} ({match.path_string})"
        for match in cfnlint.api.lint(json.dumps(template), config=arguments)
    ]


class Order(unittest.TestCase):
    """The dependencies between resources."""

    def test_there_is_no_circular_dependency(self):
        translated = translate(**SIMPLEST)["Resources"]
        waits_for = {
            name: references(entry) & set(translated) for name, entry in translated.items()
        }
        made = set()
        while ready := {name for name in waits_for if name not in made and waits_for[name] <= made}:
            made |= ready
        self.assertEqual(set(translated) - made, set())

    def test_hook_and_canary_exist_before_the_alias_moves(self):
        translated = translate(**SIMPLEST)["Resources"]
        for function in FUNCTIONS:
            stem = function.removesuffix("Function")
            group = f"{function}DeploymentGroup"
            self.assertIn(f"{stem}Canary", references(translated[group]))
            self.assertLessEqual({group, "Hook"}, references(translated[f"{function}Aliaslive"]))


def references(node):
    """The names that a part of a template refers to, including its DependsOn."""
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    found = set()
    for key, value in node.items():
        if key == "Ref":
            found.add(value)
        elif key == "Fn::GetAtt":
            found.add(value[0] if isinstance(value, list) else value.split(".")[0])
        elif key == "DependsOn":
            found |= {value} if isinstance(value, str) else set(value)
        elif key == "Fn::Sub":
            text, own = value if isinstance(value, list) else (value, {})
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([\w.:]+)\}", text)} - set(
                own
            )
            found |= references(own)
        else:
            found |= references(value)
    return found


if __name__ == "__main__":
    unittest.main()
