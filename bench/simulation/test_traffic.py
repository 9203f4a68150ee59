"""Who asks when and what."""

import math
import unittest
from collections import Counter
from functools import lru_cache

import windows
from traffic import BEGINNING, MAILING_HALF, MAILING_SHARE, MONTH, Traffic


@lru_cache
def moments(pattern):
    """When requests come, counted from the beginning, of a fifth of a request a second."""
    of = Traffic(MONTH / 5, pattern)
    return [moment - BEGINNING for moment, _ in of.arrivals(windows.HOUR, windows.DAY)]


class When(unittest.TestCase):
    def expect(self, pattern, begin, end, expected):
        """About so many requests between these moments."""
        found = sum(begin <= moment < end for moment in moments(pattern))
        self.assertAlmostEqual(found, expected, delta=5 * expected**0.5)

    def test_even_traffic_has_its_rate_before_the_beginning_and_after_it(self):
        self.expect("even", -windows.HOUR, 0, 720)
        self.expect("even", 0, windows.DAY, windows.DAY / 5)

    def test_a_day_begins_at_its_busiest_and_has_as_many_in_all(self):
        self.expect("daily", 0, windows.HOUR, 2 * 720)
        self.expect("daily", 6 * windows.HOUR, 18 * windows.HOUR, windows.DAY / 10 * (1 - 2 / math.pi))
        self.expect("daily", 0, windows.DAY, windows.DAY / 5)

    def test_half_of_what_a_mailing_brings_comes_within_its_time(self):
        brought = MAILING_SHARE * MONTH / 5
        self.expect("mailing", -windows.HOUR, 0, 720)
        self.expect("mailing", 0, MAILING_HALF, brought / 2 + MAILING_HALF / 5)
        self.expect("mailing", 0, windows.DAY, brought + windows.DAY / 5)

    def test_arrivals_are_in_order_and_the_same_each_time(self):
        found = moments("mailing")
        self.assertEqual(found, sorted(found))
        again = Traffic(MONTH / 5, "mailing").arrivals(windows.HOUR, windows.DAY)
        self.assertEqual(found, [moment - BEGINNING for moment, _ in again])


class What(unittest.TestCase):
    def questions(self, **options):
        return [question for _, question in Traffic(MONTH, **options).arrivals(0, 15_000)]

    def test_the_nth_event_type_is_asked_about_an_nth_as_often_as_the_first(self):
        counts = Counter(question.event_type for question in self.questions())
        self.assertEqual(len(counts), 10)
        for number in (2, 5, 10):
            self.assertAlmostEqual(counts[0] / counts[number - 1], number, delta=0.2 * number)

    def test_nobody_asks_about_the_past(self):
        now = BEGINNING
        for question in self.questions():
            self.assertGreater(question.end, now)
            self.assertGreater(question.end, question.start)

    def test_pats_are_spread_over_callers_or_have_event_types_of_their_own(self):
        mixed = {(question.pat, question.event_type) for question in self.questions(pats=2)}
        self.assertEqual(len(mixed), 2 * 10)
        apart = {(question.pat, question.event_type) for question in self.questions(pats=2, is_apart=True)}
        self.assertEqual(len(apart), 10)


if __name__ == "__main__":
    unittest.main()
