"""openapi.yaml agrees with the code, the pages and itself."""

import json
import re
import unittest

import description
import rust_code


def by_status(operation):
    """{(status, code)} of an operation's problems, without Calendly's errors."""
    return {
        (status, problem)
        for status, response in description.responses(operation).items()
        for problem in description.codes(response) - {"calendly_error"}
    }


class AgainstTheCode(unittest.TestCase):
    def test_operations_are_the_functions(self):
        self.assertEqual(sorted(description.operations()), sorted(rust_code.FUNCTIONS))

    def test_parameters(self):
        for name, operation in description.operations().items():
            with self.subTest(name):
                described = {"query": {}, "header": {}}
                for one in description.parameters(operation):
                    described[one["in"]][one["name"]] = one.get("required", False)
                self.assertEqual(described["query"], rust_code.parameters(name))
                fresh = {"Cache-Control": False} if rust_code.has_cache(name) else {}
                self.assertEqual(described["header"], fresh)

    def test_parameter_values(self):
        for name, operation in description.operations().items():
            with self.subTest(name):
                schemas = {one["name"]: one["schema"] for one in description.parameters(operation)}
                described = {key: set(schema["enum"]) for key, schema in schemas.items() if "enum" in schema}
                self.assertEqual(described, rust_code.values(name))
        self.assertEqual(rust_code.values("check-availability"), {"match": {"any", "all"}})

    def test_parameter_bounds(self):
        parameters = description.parameters(description.operations()["check-availability"])
        schemas = {one["name"]: one["schema"] for one in parameters}
        limit = {"type": "integer", "minimum": 1, "maximum": rust_code.most("MAX_LIMIT")}
        self.assertEqual(schemas["limit"], limit)
        self.assertEqual(schemas["event_type"]["maxItems"], rust_code.most("MAX_EVENT_TYPES"))

    def test_codes_by_status(self):
        expected = {(str(status), name) for name, status in rust_code.codes().items() if status}
        self.assertEqual([name for name, status in rust_code.codes().items() if not status], ["calendly_error"])
        described = {name: by_status(operation) for name, operation in description.operations().items()}
        self.assertEqual(set().union(*described.values()), expected)
        for name, pairs in described.items():
            with self.subTest(name):
                missing = set()
                if not rust_code.parameters(name):
                    missing.add(("400", "invalid_parameter"))
                if not rust_code.can_lack_an_event_type(name):
                    missing.add(("404", "no_event_type"))
                self.assertEqual(expected - pairs, missing)

    def test_calendly_error_has_any_status(self):
        for name, operation in description.operations().items():
            for status, response in description.responses(operation).items():
                with self.subTest(f"{name} {status}"):
                    has_problem = description.PROBLEM in response["content"]
                    self.assertEqual("calendly_error" in description.codes(response), has_problem)
            self.assertIn("default", operation["responses"])

    def test_response_headers(self):
        for name, operation in description.operations().items():
            described = {
                header.lower()
                for response in description.responses(operation).values()
                for header in response.get("headers", {})
            }
            # One URI is never too large.
            missing = {"content-encoding", "vary"} if name == "user" else set()
            missing |= set() if rust_code.has_cache(name) else {"age"}
            with self.subTest(name):
                self.assertEqual(described, rust_code.headers() - missing)


class AgainstThePages(unittest.TestCase):
    def test_gateway_errors_are_those_of_operations_md(self):
        page = (description.ROOT / "docs" / "operations.md").read_text()
        [table] = re.findall(r"^\| status \| body \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
        on_the_page = set()
        for statuses, bodies in re.findall(r"^\| ([\d, ]+) \| (.*?) \|", table, re.MULTILINE):
            messages = [json.loads(body)["message"] for body in re.findall(r"`({.*?})`", bodies)]
            on_the_page |= set(zip(statuses.split(", "), messages, strict=True))
        described = {
            (status, example["value"]["message"])
            for operation in description.operations().values()
            for status, response in description.responses(operation).items()
            if status != "200"
            for example in response["content"].get("application/json", {"examples": {}})["examples"].values()
        }
        self.assertEqual(on_the_page, described)


class Agents(unittest.TestCase):
    def test_statuses_and_codes(self):
        operations = description.operations(for_agents=True)
        self.assertEqual(set(operations), {"mcp", "mcp-metadata"})
        described = {pair for operation in operations.values() for pair in by_status(operation)}
        own = {(str(status), code) for code, status in rust_code.AGENT_CODES.items()}
        self.assertLessEqual(own, described)
        expected = own | {(str(status), code) for code, status in rust_code.codes().items() if status}
        self.assertLessEqual(described, expected)

    def test_examples_match_their_schemas(self):
        for name, operation in description.operations(for_agents=True).items():
            bodies = [operation.get("requestBody", {})]
            for body in [*bodies, *description.responses(operation).values()]:
                for media_type, content in body.get("content", {}).items():
                    for key, example in content["examples"].items():
                        value = description.resolved(example)[0]["value"]
                        with self.subTest(f"{name} {media_type} {key}"):
                            self.assertEqual(description.errors(content["schema"], value), [])


class AgainstItself(unittest.TestCase):
    def test_each_code_has_an_example(self):
        for name, operation in description.operations().items():
            for status, response in description.responses(operation).items():
                problem = response.get("content", {}).get(description.PROBLEM)
                if problem is None or status == "default":
                    continue
                values = [description.resolved(example)[0]["value"] for example in problem["examples"].values()]
                with self.subTest(f"{name} {status}"):
                    own = description.codes(response) - {"calendly_error"}
                    self.assertLessEqual(own, {value["code"] for value in values})
                    self.assertEqual({value["status"] for value in values}, {int(status)})

    def test_examples_match_their_schemas(self):
        checked = 0
        for name, operation in description.operations().items():
            for parameter in description.parameters(operation):
                for key, example in parameter["examples"].items():
                    checked += 1
                    with self.subTest(f"{parameter['name']} {key}"):
                        self.assertEqual(description.errors(parameter["schema"], example["value"]), [])
            for status, response in description.responses(operation).items():
                for media_type, content in response["content"].items():
                    for key, example in content["examples"].items():
                        checked += 1
                        value = description.resolved(example)[0]["value"]
                        with self.subTest(f"{name} {status} {media_type} {key}"):
                            self.assertEqual(description.errors(content["schema"], value), [])
        self.assertGreater(checked, 50)

    def test_schemas_refuse_wrong_values(self):
        """The check above can fail."""
        problem = {"$ref": "#/components/schemas/BadRequestProblem"}
        value = dict(description.DOCUMENT["components"]["examples"]["pat_missing"]["value"])
        self.assertEqual(description.errors(problem, value), [])
        for change in ({"status": 401}, {"code": "token_missing"}, {"detail": ""}, {"calendly": {"status": 1}}):
            with self.subTest(change):
                self.assertNotEqual(description.errors(problem, value | change), [])

    def test_components_are_used(self):
        text = (description.ROOT / "openapi.yaml").read_text()
        for kind in ("schemas", "examples", "responses", "parameters", "headers"):
            for name in description.DOCUMENT["components"][kind]:
                self.assertIn(f'"#/components/{kind}/{name}"', text)


if __name__ == "__main__":
    unittest.main()
