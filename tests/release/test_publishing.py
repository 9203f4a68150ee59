"""What keeps the templates out of AWS's repository of applications is what the page says."""

import re
import unittest
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from release_files import ARCHITECTURES, DIST, ROOT
from release import stacks, template_name

LIST = Path(__file__).with_name("serverless-application-repository.txt")


def taken():
    """The resource types that the repository takes."""
    lines = LIST.read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def types(template):
    """The types of a packaged template's resources, and of those of the stacks in it."""
    found = {resource["Type"] for resource in template["Resources"].values()}
    for file in stacks(template).values():
        found |= types(yaml_parse((DIST / file).read_text()))
    return found


class Publishing(unittest.TestCase):
    def test_the_page_names_the_types_that_are_not_taken(self):
        page = (ROOT / "docs" / "releases.md").read_text()
        named = set(re.findall(r"^\| `(AWS::\w+::\w+)` \|", page, re.MULTILINE))
        self.assertIn("AWS::Lambda::Function", taken())
        for architecture in ARCHITECTURES:
            template = yaml_parse((DIST / template_name(architecture)).read_text())
            self.assertEqual(types(template) - taken(), named)


if __name__ == "__main__":
    unittest.main()
