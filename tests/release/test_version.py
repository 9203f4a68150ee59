"""A tag can be released if it matches the version in Cargo.toml and the changelog has a section for it."""

import unittest

import release_files
from check_version import NotReleasable, notes

MANIFEST = '[workspace.package]\nversion = "1.2.3"\n'
CHANGELOG = """# Changelog

## Unreleased

- Later.

## 1.2.3 (2026-11-24)

- New.

## 1.2.2 (2026-11-01)

- Old.
"""


class Notes(unittest.TestCase):
    def test_notes_are_the_changelog_entry_of_the_version(self):
        self.assertEqual(notes("v1.2.3", MANIFEST, CHANGELOG), "- New.\n")

    def test_a_tag_that_is_not_the_version_is_refused(self):
        for tag in ("v1.2.4", "1.2.3", "v1.2.3-rc.1"):
            with self.subTest(tag), self.assertRaisesRegex(NotReleasable, "1.2.3"):
                notes(tag, MANIFEST, CHANGELOG)

    def test_a_version_without_notes_or_without_a_date_is_refused(self):
        for changelog in (
            CHANGELOG.replace("1.2.3", "1.3.0"),
            CHANGELOG.replace("- New.", ""),
            CHANGELOG.replace(" (2026-11-24)", ""),
        ):
            with self.assertRaisesRegex(NotReleasable, "CHANGELOG.md"):
                notes("v1.2.3", MANIFEST, changelog)

    def test_the_changelog_has_the_current_version_or_is_unreleased(self):
        manifest = (release_files.ROOT / "Cargo.toml").read_text()
        version = manifest.split('version = "')[1].split('"')[0]
        changelog = (release_files.ROOT / "CHANGELOG.md").read_text()
        released = changelog.replace("## Unreleased", f"## {version} (2026-12-01)", 1)
        self.assertIn("- ", notes(f"v{version}", manifest, released))


if __name__ == "__main__":
    unittest.main()
