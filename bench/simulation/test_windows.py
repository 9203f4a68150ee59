"""Ranges and their windows, with the examples of functions/check-availability/src/windows.rs."""

import unittest
from datetime import datetime

import windows


def moment(text):
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


# A Wednesday.
NOW = moment("2026-11-25T12:20:30")


class Shared(unittest.TestCase):
    def test_near_ranges_share_a_window_and_none_costs_more_of_them(self):
        for start, end, expected in [
            ("2026-12-03T09:10:00", "2026-12-03T17:00:00", ["2026-12-03T00:00:00"]),
            ("2026-12-09T23:59:59", "2026-12-10T00:00:01", ["2026-12-03T00:00:00"]),
            ("2026-12-09T10:00:00", "2027-01-03T00:00:00", ["2026-12-03T00:00:00"]),
            ("2026-12-09T10:00:00", "2027-01-03T00:00:01", ["2026-12-09T00:00:00"]),
            ("2026-12-09T10:20:00", "2027-01-09T10:00:00", ["2026-12-09T10:00:00"]),
            ("2026-12-09T10:20:00", "2027-01-09T10:20:00", ["2026-12-03T00:00:00", "2027-01-03T00:00:00"]),
            ("2026-12-03T00:00:00", "2027-01-03T00:00:00", ["2026-12-03T00:00:00"]),
            ("2020-01-01T00:00:00", "2026-11-26T00:00:00", ["2026-11-19T00:00:00"]),
        ]:
            found = [window.start for window in windows.shared(moment(start), moment(end), NOW)]
            self.assertEqual(found, [moment(text) for text in expected], f"{start} to {end}")

    def test_what_is_asked_starts_on_the_hour_or_in_the_present_one(self):
        for start, now, expected in [
            ("2026-11-25T18:10:00", NOW, "2026-11-25T13:00:00"),
            ("2026-11-25T13:00:00", NOW, "2026-11-25T13:00:00"),
            ("2026-11-25T12:59:59", NOW, "2026-11-25T12:21:30"),
            ("2020-01-01T00:00:00", NOW, "2026-11-25T12:21:30"),
            ("2026-11-25T12:20:40", NOW, "2026-11-25T12:20:40"),
            ("2026-12-03T09:00:00", NOW, "2026-12-03T00:00:00"),
        ]:
            window, *_ = windows.shared(moment(start), moment("2026-12-04T00:00:00"), now)
            self.assertEqual(window.asked_from(now), moment(expected), start)

    def test_without_a_cache_a_range_is_asked_for_as_it_is(self):
        start, end = moment("2026-12-09T10:20:00"), moment("2027-01-09T10:20:01")
        found = [window.start for window in windows.parts(start, end, NOW)]
        self.assertEqual(found, [start, moment("2027-01-09T10:20:00")])


if __name__ == "__main__":
    unittest.main()
