"""openapi.yaml agrees with the code and the pages.

The end-to-end tests compare each answer with openapi.yaml: its status, code, headers and body. Redocly compares examples
with their schemas.
"""

import json
import re
import unittest

import description


def source(path):
    """A file of Rust code, without its unit tests."""
    return re.split(r"^#\[cfg\(test\)\]", path.read_text(), flags=re.MULTILINE)[0]


class AgainstTheCode(unittest.TestCase):
    def test_operations_are_the_functions(self):
        folders = {path.name for path in (description.ROOT / "functions").iterdir()}
        self.assertEqual({*description.operations(), "mcp"}, folders)

    def test_codes(self):
        errors = source(description.ROOT / "shared" / "src" / "error.rs")
        [body] = re.findall(r"^    fn status_and_code\(.*?^    }$", errors, re.MULTILINE | re.DOTALL)
        operations = description.operations() | description.operations(for_agents=True)
        described = {
            code
            for operation in operations.values()
            for response in description.responses(operation).values()
            for code in description.codes(response)
        }
        self.assertEqual(described, set(re.findall(r'"(\w+)"', body)))

    def test_query_parameters(self):
        for name, operation in description.operations().items():
            files = (description.ROOT / "functions" / name / "src").rglob("*.rs")
            read = re.findall(r'query\s*\.\w+\(\s*"(\w+)"', "".join(map(source, files)))
            described = {one["name"] for one in description.parameters(operation) if one["in"] == "query"}
            self.assertEqual(described, set(read), name)

    def test_calendly_error_has_any_status(self):
        for name, operation in description.operations().items():
            for status, response in description.responses(operation).items():
                with self.subTest(f"{name} {status}"):
                    has_problem = description.PROBLEM in response["content"]
                    self.assertEqual("calendly_error" in description.codes(response), has_problem)
            self.assertIn("default", operation["responses"])


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


class AgainstItself(unittest.TestCase):
    def test_each_code_has_an_example(self):
        for name, operation in description.operations().items():
            for status, response in description.responses(operation).items():
                problem = response.get("content", {}).get(description.PROBLEM)
                if problem is None or status == "default":
                    continue
                examples = [description.resolved(example)["value"] for example in problem["examples"].values()]
                own = description.codes(response) - {"calendly_error"}
                self.assertLessEqual(own, {example["code"] for example in examples}, f"{name} {status}")


if __name__ == "__main__":
    unittest.main()
