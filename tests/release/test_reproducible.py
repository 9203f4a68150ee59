"""The differences that `make check-reproducible` reports."""

import unittest

import release_files  # noqa: F401
from check_reproducible import differences


class Differences(unittest.TestCase):
    def test_equal_files_have_no_difference(self):
        self.assertEqual(list(differences({"a.zip": b"1"}, {"a.zip": b"1"})), [])

    def test_a_byte_a_length_and_a_file(self):
        first = {"a.zip": b"0123", "b.zip": b"0123", "c.zip": b""}
        second = {"a.zip": b"01x3", "b.zip": b"01234"}
        self.assertEqual(
            list(differences(first, second)),
            [
                "a.zip: 4 and 4 bytes, which differ from 2 on",
                "b.zip: 4 and 5 bytes, which differ from their ends on",
                "c.zip is in one of them only",
            ],
        )


if __name__ == "__main__":
    unittest.main()
