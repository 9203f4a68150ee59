"""The model predicts what the load test measured, and models without a rule do not."""

import json
import unittest
from datetime import datetime, timezone
from unittest import mock

import load_test
import windows
from environment import Environment
from scale import LOAD


def scenario(day):
    began = datetime(2026, 11, day, 20, tzinfo=timezone.utc).timestamp()
    asked = {"requests_per_minute": 3_000, "seconds": 60, "ranges": 20, "event_types": 3}
    return [(after, question, began) for after, question in load_test.questions(asked, began)]


class Scenario(unittest.TestCase):
    def test_ranges_share_as_many_windows_as_the_load_test_counts(self):
        # tests/end-to-end/tests/long/load/scenario.rs: a window for each week in which a range starts.
        for day, weeks in ((25, 7), (26, 6), (27, 6), (28, 6), (29, 7)):
            found = {
                (question.event_type, window.start)
                for _, question, began in scenario(day)
                for window in windows.shared(question.start, question.end, began)
            }
            self.assertEqual(len(found), 3 * weeks, f"November {day}")

    def test_requests_come_evenly_and_ask_for_what_the_load_test_draws(self):
        asked = scenario(25)
        self.assertEqual(len(asked), 3_000)
        self.assertAlmostEqual(asked[50][0], 1)
        # 1 × 6364136223846793005 + 1442695040888963407 without its last 33 bits is 908,834,774, so it is range 14:
        # four weeks and 14 hours after the next midnight, and a day long.
        first = asked[0][1]
        midnight = datetime(2026, 11, 26, tzinfo=timezone.utc).timestamp()
        self.assertEqual(first.start - midnight, 28 * windows.DAY + 14 * windows.HOUR)
        self.assertEqual(first.end - first.start, windows.DAY)


class Forgetful(Environment):
    """Without a cache."""

    def _store(self, name, answer):
        pass


class Alone(Environment):
    """Without the shared table."""

    def __init__(self, simulation, settings, durations, calendly, table):
        super().__init__(simulation, settings, durations, calendly, None)


class Measured(unittest.TestCase):
    def setUp(self):
        self.load = json.loads(LOAD.read_text())

    def test_the_model_predicts_the_measurement(self):
        self.assertEqual(load_test.unpredicted(load_test.comparison(self.load)), [])

    def test_models_without_cache_or_table_do_not(self):
        for wrong in (Forgetful, Alone):
            rows = load_test.with_cache(self.load, wrong)
            self.assertNotEqual(load_test.unpredicted(rows), [], wrong)

    def test_a_model_without_aligned_windows_does_not(self):
        with mock.patch.object(windows, "shared", windows.parts):
            self.assertNotEqual(load_test.unpredicted(load_test.with_cache(self.load)), [])

    def test_tolerance(self):
        for measured, predicted, expected in [
            (100, 114, True),
            (100, 116, False),
            (100, 84, False),
            (0, 0, True),
            (0, 0.01, False),
            (0.01, 0.012, False),
        ]:
            self.assertEqual(load_test.is_near(measured, predicted), expected, (measured, predicted))


if __name__ == "__main__":
    unittest.main()
