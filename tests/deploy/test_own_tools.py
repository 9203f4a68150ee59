"""Version checks of the SAM CLI and cargo-lambda on the PATH."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import own_tools  # noqa: E402


class Versions(unittest.TestCase):
    def test_version_output_is_parsed(self):
        for output in (
            "SAM CLI, version 1.170.0\n",
            "cargo-lambda 1.170.0 (67129fc 2026-08-21Z)\n",
        ):
            self.assertIsNone(own_tools.problem("x", output, (1, 170, 0)))

    def test_older_versions_are_named_with_the_needed_one(self):
        for version in ("1.170.1", "1.200.0", "2.0.0"):
            self.assertIsNone(own_tools.problem("sam", f"SAM CLI, version {version}", (1, 170, 0)))
        for version in ("1.169.9", "1.99.0", "0.200.0"):
            self.assertEqual(
                own_tools.problem("sam", f"SAM CLI, version {version}", (1, 170, 0)),
                f"sam is {version}; 1.170.0 or newer is needed",
            )

    def test_a_missing_tool_is_named(self):
        for output in (None, "", "command failed"):
            self.assertIn("not on the PATH", own_tools.problem("sam", output, (1, 170, 0)))

    def test_the_oldest_versions_are_the_pinned_ones(self):
        least = own_tools.oldest((ROOT / "scripts" / "requirements" / "build.in").read_text())
        self.assertLessEqual(set(own_tools.TOOLS.values()), set(least))


if __name__ == "__main__":
    unittest.main()
