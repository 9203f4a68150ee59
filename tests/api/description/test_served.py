"""The description as `make run` serves it, its routes, and CORS."""

import re
import sys
import unittest
from datetime import date, timedelta

import description
import yaml

sys.path.insert(0, str(description.ROOT / "scripts"))

import gateway  # noqa: E402
import local  # noqa: E402
import pages  # noqa: E402


class Served(unittest.TestCase):
    def test_example_dates_are_in_the_future(self):
        text = (description.ROOT / "openapi.yaml").read_text()
        for days in range(0, 800, 97):
            today = date(2026, 11, 1) + timedelta(days=days)
            served = yaml.safe_load(pages.description(text, "http://f", "http://s", today))
            values = served["components"]["parameters"]
            for name in ("StartTime", "EndTime", "At"):
                for example in values[name]["examples"].values():
                    day = date.fromisoformat(example["value"][:10])
                    with self.subTest(f"{today} {name} {example}"):
                        self.assertTrue(today < day)
                        # Moved by whole weeks, because some weekdays have no slots.
                        self.assertLess(day - today, timedelta(days=45))

    def test_past_dates_stay(self):
        text = "created 2025-02-03, 2026-11-30T23:00:00Z, 2026-12-01"
        moved = pages.ahead_of(date(2027, 5, 5), text)
        self.assertEqual(moved, "created 2025-02-03, 2027-05-10T23:00:00Z, 2027-05-11")

    def test_scheduling_urls_have_the_month_of_their_day(self):
        text = "?month=2026-12&date=2026-12-01"
        self.assertEqual(pages.ahead_of(date(2027, 5, 5), text), "?month=2027-05&date=2027-05-11")


class Routes(unittest.TestCase):
    def test_the_local_gateway_serves_the_described_routes(self):
        paths = description.DOCUMENT["paths"].items()
        described = {f"{method.upper()} {path}" for path, operations in paths for method in operations}
        # The MCP server itself refuses methods other than POST.
        self.assertEqual(described, {route.replace("ANY", "POST") for route in local.ROUTES})


class Cors(unittest.TestCase):
    def test_allowed_headers_are_those_of_the_description(self):
        rules = gateway.cors((description.ROOT / "template.yaml").read_text())
        self.assertEqual(rules["allowMethods"], ["GET", "POST"])
        described = {
            parameter["name"].lower()
            for operation in (description.operations() | description.operations(for_agents=True)).values()
            for parameter in description.parameters(operation)
            if parameter["in"] == "header"
        }
        self.assertEqual(set(rules["allowHeaders"]), {"authorization", "content-type"} | described)

    def test_exposed_headers_are_described_and_cover_the_booking_page(self):
        rules = gateway.cors((description.ROOT / "template.yaml").read_text())
        exposed = set(rules["exposeHeaders"])
        read = re.findall(r'headers\.get\("([\w-]+)"\)', (pages.BOOKING_PAGE / "api.js").read_text())
        self.assertTrue(read)
        self.assertLessEqual(set(read), exposed)
        described = {
            header.lower()
            for operation in description.operations().values()
            for response in description.responses(operation).values()
            for header in response.get("headers", {})
        }
        self.assertLessEqual(exposed, described)


class Words(unittest.TestCase):
    def test_the_booking_page_has_a_text_for_each_code(self):
        words = (pages.BOOKING_PAGE / "texts.js").read_text()
        codes = {
            code
            for operation in description.operations().values()
            for response in description.responses(operation).values()
            for code in description.codes(response)
        }
        # `unreachable` is the page's own code for a missing response.
        for problems in re.findall(r"^  problems: {\n(.*?)^  }", words, re.MULTILINE | re.DOTALL):
            self.assertEqual(set(re.findall(r"^    (\w+): \"", problems, re.MULTILINE)), codes | {"unreachable"})


if __name__ == "__main__":
    unittest.main()
