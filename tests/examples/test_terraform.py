"""examples/terraform is well-formed, its references exist, and its settings are those of template.yaml.

Terraform and its provider are not in a package registry, so `terraform validate` is not run.
"""

import re
import unittest

import hcl2

from template import FUNCTION, MEMORY, ROOT, THROTTLING, VARIABLES
from local import FUNCTIONS, route

SOURCE = (ROOT / "examples" / "terraform" / "main.tf").read_text()


def blocks(kind, depth):
    """{(labels…): body} of the blocks of a kind, which have `depth` labels."""
    found = {}

    def descend(body, labels):
        if len(labels) == depth:
            found[labels] = body
            return
        for label, inner in body.items():
            if label != "__is_block__":
                descend(inner, (*labels, label.strip('"')))

    for block in hcl2.loads(SOURCE).get(kind, []):
        descend(block, ())
    return found


RESOURCES = blocks("resource", 2)
(LAMBDA,) = (body for (kind, _), body in RESOURCES.items() if kind == "aws_lambda_function")


def unquoted(value):
    """The value of an HCL literal."""
    return value.strip('"') if isinstance(value, str) else value


class References(unittest.TestCase):
    def test_each_reference_exists(self):
        declared = {f"var.{name}" for (name,) in blocks("variable", 1)}
        declared |= {f"local.{name}" for body in blocks("locals", 0).values() for name in body}
        declared |= {f"data.{kind}.{name}" for kind, name in blocks("data", 2)}
        declared |= {f"{kind}.{name}" for kind, name in RESOURCES}
        code = re.sub(r"#.*", "", SOURCE)
        pattern = r"\b(var\.\w+|local\.\w+|data\.\w+\.\w+|(?<![\w.])aws_\w+\.\w+)"
        used = set(re.findall(pattern, code))
        self.assertGreater(len(used), 10)
        self.assertEqual(used - declared, set())

    def test_every_variable_is_used(self):
        for (name,) in blocks("variable", 1):
            self.assertIn(f"var.{name}", SOURCE)


class Functions(unittest.TestCase):
    def test_they_are_the_zip_files_of_a_release(self):
        (body,) = blocks("locals", 0).values()
        self.assertEqual(re.findall(r'"([\w-]+)"', body["functions"]), FUNCTIONS)
        self.assertEqual(unquoted(LAMBDA["filename"]), "${var.zips}/${each.key}-arm64.zip")
        self.assertIn("${var.zips}/${each.key}-arm64.zip", LAMBDA["source_code_hash"])

    def test_they_have_the_settings_of_the_template(self):
        self.assertEqual(unquoted(LAMBDA["runtime"]), FUNCTION["Runtime"])
        self.assertEqual(unquoted(LAMBDA["handler"]), FUNCTION["Handler"])
        self.assertEqual(LAMBDA["timeout"], FUNCTION["Timeout"])
        self.assertEqual(LAMBDA["memory_size"], MEMORY)
        self.assertEqual([unquoted(name) for name in LAMBDA["architectures"]], ["arm64"])
        (environment,) = LAMBDA["environment"]
        variables = set(environment["variables"]) - {"__is_block__"}
        self.assertEqual(variables & VARIABLES, variables)
        self.assertIn("CALENDLY_PAT_SECRET_ID", variables)

    def test_throttling_is_that_of_the_template(self):
        (stage,) = (body for (kind, _), body in RESOURCES.items() if kind == "aws_apigatewayv2_stage")
        (settings,) = stage["default_route_settings"]
        self.assertEqual(settings["throttling_rate_limit"], THROTTLING["ThrottlingRateLimit"])
        self.assertEqual(settings["throttling_burst_limit"], THROTTLING["ThrottlingBurstLimit"])

    def test_the_routes_are_those_of_the_functions(self):
        (key,) = (
            unquoted(body["route_key"])
            for (kind, _), body in RESOURCES.items()
            if kind == "aws_apigatewayv2_route"
        )
        for function in FUNCTIONS:
            self.assertEqual(key.replace("${each.key}", function), f"GET {route(function)}")


if __name__ == "__main__":
    unittest.main()
