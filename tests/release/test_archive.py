"""A zip file depends only on the bytes of the executable."""

import io
import os
import time
import unittest
import zipfile
from unittest import mock

import release_files  # noqa: F401
import archive

EXECUTABLE = b"\x7fELF and more" * 1000


class Zipped(unittest.TestCase):
    def test_clock_umask_and_time_zone_do_not_change_it(self):
        first = archive.zipped(EXECUTABLE)
        before = os.umask(0o077)
        try:
            with (
                mock.patch.dict(os.environ, TZ="Asia/Kathmandu"),
                mock.patch("time.time", lambda: 2e9),
            ):
                time.tzset()
                self.assertEqual(archive.zipped(EXECUTABLE), first)
        finally:
            os.umask(before)
            time.tzset()

    def test_it_holds_one_executable(self):
        with zipfile.ZipFile(io.BytesIO(archive.zipped(EXECUTABLE))) as file:
            (entry,) = file.infolist()
            self.assertEqual(file.read(entry), EXECUTABLE)
        self.assertEqual(entry.filename, "bootstrap")
        self.assertEqual(entry.external_attr >> 16, 0o100755)
        self.assertEqual(entry.date_time, (1980, 1, 1, 0, 0, 0))


if __name__ == "__main__":
    unittest.main()
