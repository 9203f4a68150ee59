"""How Calendly counts."""

import unittest

import simpy
from calendly import Calendly


class Allowance(unittest.TestCase):
    def setUp(self):
        self.simulation = simpy.Environment(initial_time=100)
        self.calendly = Calendly(self.simulation, 0.2, 2)

    def call(self, pat=0, at=None):
        if at:
            self.simulation.run(until=at)
        return self.simulation.run(self.simulation.process(self.calendly.call(pat)))

    def test_a_minute_begins_with_its_first_call_and_allows_so_many(self):
        self.assertEqual(self.call(), (True, 0.5, 60))
        self.assertEqual(self.call(at=130), (True, 0, 30))
        self.assertEqual(self.call(at=140), (False, 0, 21)[:2] + (20,))
        self.assertTrue(self.call(at=160.1).is_ok)

    def test_each_pat_has_an_allowance_of_its_own(self):
        replies = [self.call(pat).is_ok for pat in (0, 0, 0, 1)]
        self.assertEqual(replies, [True, True, False, True])

    def test_the_busiest_minute_is_told_of_all_and_of_one(self):
        for pat, at in ((0, 101), (1, 102), (0, 103), (0, 170)):
            self.call(pat, at)
        self.assertEqual(self.calendly.busiest_minute(100, 220), (3, 2))
        self.assertEqual(self.calendly.busiest_minute(160, 220), (1, 1))


if __name__ == "__main__":
    unittest.main()
