"""Every combination of parameters that the rules allow translates, and passes the linter."""

import json
import re
import unittest

import cfnlint.api
from cfnlint.config import ManualArgs
from combinations import KINDS, SIMPLEST, allowed
from translation import FUNCTIONS, of_type, resolve, translate, with_conditions_applied


class EveryCombination(unittest.TestCase):
    """cfn-lint sees each resource in each form that it has."""

    def test_they_translate_and_pass_the_linter(self):
        translated = translate(**SIMPLEST)
        forms, count = {}, 0
        for parameters in allowed():
            count += 1
            found, outputs = resolve(translated, **parameters)
            self.assertEqual(set(FUNCTIONS), set(of_type(found, "AWS::Lambda::Function")))
            self.assertIn("BaseUrl", outputs)
            for name, entry in with_conditions_applied(translated, **parameters).items():
                forms.setdefault(name, {})[json.dumps(entry, sort_keys=True)] = entry
        # Four kinds of issuer, and the authorizer beside the first.
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
    """What cfn-lint says of the resources, all in one template; the first form keeps its name."""
    every_form = {
        f"{name}{number or ''}": entry
        for name, entries in forms.items()
        for number, entry in enumerate(entries.values())
    }
    # Together they contradict each other, but no resource knows that.
    given = dict(item for kind in KINDS.values() for values in kind for item in values.items())
    # The linter takes a parameter's default for its value.
    parameters = {
        name: entry | ({"Default": given[name]} if name in given else {})
        for name, entry in translated["Parameters"].items()
    }
    template = {"Parameters": parameters, "Resources": every_form}
    # Not that nothing uses a parameter (the outputs do, or a condition), that two forms of one
    # resource have the same name, or that the stacks in it must be packaged.
    arguments = ManualArgs(regions=["eu-west-1"], ignore_checks=["W2001", "E3019", "W3002"])
    return [
        f"{match.rule.id} {match.message} ({match.path_string})"
        for match in cfnlint.api.lint(json.dumps(template), config=arguments)
    ]


class Order(unittest.TestCase):
    """CloudFormation can make one resource after the other."""

    def test_nothing_waits_for_itself(self):
        translated = translate(**SIMPLEST)["Resources"]
        waits_for = {
            name: references(entry) & set(translated) for name, entry in translated.items()
        }
        made = set()
        while ready := {name for name in waits_for if name not in made and waits_for[name] <= made}:
            made |= ready
        self.assertEqual(set(translated) - made, set())

    def test_what_takes_a_version_back_is_there_before_its_alias_moves(self):
        translated = translate(**SIMPLEST)["Resources"]
        for function in FUNCTIONS:
            stem = function.removesuffix("Function")
            group = f"{function}DeploymentGroup"
            self.assertIn(f"{stem}Canary", references(translated[group]))
            self.assertLessEqual({group, "Hook"}, references(translated[f"{function}Aliaslive"]))


def references(node):
    """The names that a part of a template refers to, its DependsOn included."""
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
