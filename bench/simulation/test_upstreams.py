"""Calendly's quota, the table's units, and the arrivals of requests."""

import math
import unittest
from collections import Counter

import simpy
import windows
from calendly import Calendly
from table import Table
from traffic import BEGINNING, MAILING_HALF, MAILING_SHARE, MONTH, Traffic


class Quota(unittest.TestCase):
    def test_a_minute_begins_with_its_first_call_of_a_pat(self):
        simulation = simpy.Environment(initial_time=100)
        calendly = Calendly(simulation, 0, 2)
        for at, pat, expected in [
            (101, 0, (True, 0.5, 60)),
            (130, 0, (True, 0, 31)),
            (140, 0, (False, 0, 21)),
            (140.5, 1, (True, 0.5, 60)),
            (161.1, 0, (True, 0.5, 60)),
        ]:
            simulation.run(until=at)
            self.assertEqual(simulation.run(simulation.process(calendly.call(pat))), expected, at)
        self.assertEqual(calendly.busiest_minute(100, 220), (4, 3))


class Units(unittest.TestCase):
    def test_reads_count_half_a_unit_per_4_kb_and_writes_one_per_kb(self):
        simulation = simpy.Environment()
        table = Table(simulation, 0.01, 4_000)
        for call, answer, read, written in [
            (table.get("a"), (None, None), 0.5, 0),
            (table.take_lease("a", None, 3), True, 0.5, 1),
            (table.take_lease("a", None, 4), False, 0.5, 2),
            (table.release("a", 4), False, 0.5, 3),
            (table.put("a", "value"), None, 0.5, 8),
            (table.get("a"), ("value", None), 1.5, 8),
            (table.take_lease("a", None, 3), True, 1.5, 13),
            (table.release("a", 3), True, 1.5, 18),
        ]:
            found = simulation.run(simulation.process(call))
            self.assertEqual(found if answer is not None else None, answer)
            units = sum(table.read_units.values()), sum(table.write_units.values())
            self.assertEqual(units, (read, written))


class Arrivals(unittest.TestCase):
    def test_rates_are_those_of_the_pattern(self):
        day, hour = windows.DAY, windows.HOUR
        brought = MAILING_SHARE * MONTH / 5
        for pattern, begin, end, expected in [
            ("even", -hour, 0, 720),
            ("even", 0, day, day / 5),
            ("daily", 0, hour, 2 * 720),
            ("daily", 6 * hour, 18 * hour, day / 10 * (1 - 2 / math.pi)),
            ("mailing", -hour, 0, 720),
            ("mailing", 0, MAILING_HALF, brought / 2 + MAILING_HALF / 5),
        ]:
            moments = [at - BEGINNING for at, _ in Traffic(MONTH / 5, pattern).arrivals(hour, day)]
            found = sum(begin <= moment < end for moment in moments)
            self.assertAlmostEqual(found, expected, delta=5 * expected**0.5, msg=pattern)
            self.assertEqual(moments, sorted(moments))

    def test_event_types_follow_zipfs_law_and_ranges_end_in_the_future(self):
        asked = [question for _, question in Traffic(MONTH).arrivals(0, 15_000)]
        counts = Counter(question.event_type for question in asked)
        for number in (2, 5, 10):
            self.assertAlmostEqual(counts[0] / counts[number - 1], number, delta=0.2 * number)
        self.assertTrue(all(question.end > max(BEGINNING, question.start) for question in asked))

    def test_pats_share_event_types_or_have_their_own(self):
        for is_apart, expected in ((False, 2 * 10), (True, 10)):
            asked = Traffic(MONTH, pats=2, is_apart=is_apart).arrivals(0, 15_000)
            self.assertEqual(len({(question.pat, question.event_type) for _, question in asked}), expected)


if __name__ == "__main__":
    unittest.main()
