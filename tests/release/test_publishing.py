"""The page lists the resource types that the Serverless Application Repository refuses."""

import re
import unittest
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from release_files import ARCHITECTURES, DIST, ROOT
from release import stacks, template_name

LIST = Path(__file__).with_name("serverless-application-repository.txt")


def taken():
    """The resource types that the repository accepts."""
    lines = LIST.read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def types(template):
    """The resource types of a packaged template and its nested stacks."""
    found = {resource["Type"] for resource in template["Resources"].values()}
    for file in stacks(template).values():
        found |= types(yaml_parse((DIST / file).read_text()))
    return found


class Publishing(unittest.TestCase):
    def test_the_page_names_the_refused_types(self):
        page = (ROOT / "docs" / "releases.md").read_text()
        named = set(re.findall(r"^\| `(AWS::\w+::\w+)` \|", page, re.MULTILINE))
        self.assertIn("AWS::Lambda::Function", taken())
        for architecture in ARCHITECTURES:
            template = yaml_parse((DIST / template_name(architecture)).read_text())
            self.assertEqual(types(template) - taken(), named)


if __name__ == "__main__":
    unittest.main()
