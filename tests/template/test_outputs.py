"""Outputs that pages and examples name exist."""

import re
import unittest

from resolver import ROOT, source

PAGES = ["README.md", "openapi.yaml", "docs/*.md", "examples/booking-page/*.*"]
# As in: the stack's output `BaseUrl`, <output CalendlyPatSecretArn>.
OUTPUT = re.compile(r"\boutput `?([A-Z]\w+)")


class Outputs(unittest.TestCase):
    def test_every_named_output_exists(self):
        named = [
            (str(page.relative_to(ROOT)), output)
            for pattern in PAGES
            for page in ROOT.glob(pattern)
            for output in OUTPUT.findall(page.read_text())
        ]
        self.assertLessEqual(
            {"README.md", "openapi.yaml", "examples/booking-page/README.md"},
            {page for page, _ in named},
        )
        for page, output in named:
            with self.subTest(page):
                self.assertIn(output, source()["Outputs"])


if __name__ == "__main__":
    unittest.main()
