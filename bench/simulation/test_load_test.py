"""The scenario of the load test, and that what it measured tells this model from wrong ones."""

import json
import unittest
from datetime import datetime, timezone
from unittest import mock

import load_test
import windows
from environment import YOUNG, Environment
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
    """It keeps nothing."""

    def _offer(self, name, answer):
        pass


class Alone(Environment):
    """It does not look what others have."""

    def __init__(self, simulation, settings, durations, calendly, table):
        super().__init__(simulation, settings, durations, calendly, None)


class WithoutLease(Environment):
    """It looks, and asks if there is nothing, whoever else may be asking."""

    def _flight(self, name, window, deadline):
        item = yield from self.table.get(name)
        is_young = item.value and self._judge(name, item.value, window) == YOUNG
        return (item.value if is_young else None), None


class Impatient(Environment):
    """It never waits for Calendly to allow more."""

    def _ask(self, pat, window, deadline, limit):
        return super()._ask(pat, window, self.simulation.now, limit)


class Measured(unittest.TestCase):
    def setUp(self):
        self.load = json.loads(LOAD.read_text())

    def test_the_model_predicts_it(self):
        self.assertEqual(load_test.unpredicted(load_test.comparison(self.load)), [])

    def test_what_forgets_a_rule_does_not(self):
        for wrong in (Forgetful, Alone):
            rows = load_test.with_cache(self.load, wrong)
            self.assertNotEqual(load_test.unpredicted(rows), [], wrong)

    def test_nor_does_one_in_which_no_two_ranges_share_a_window(self):
        with mock.patch.object(windows, "shared", windows.parts):
            self.assertNotEqual(load_test.unpredicted(load_test.with_cache(self.load)), [])

    def test_a_tolerance_is_a_part_of_what_was_measured(self):
        for measured, predicted, expected in [
            (100, 114, True),
            (100, 116, False),
            (100, 84, False),
            (0, 0, True),
            (0, 0.01, False),
            (0.01, 0.012, False),
        ]:
            self.assertEqual(
                load_test.is_near(measured, predicted), expected, (measured, predicted)
            )


class AsItIsRun(unittest.TestCase):
    """The scenario of `make load`, with durations that are said here: it is a matter of how many come meanwhile."""

    @classmethod
    def setUpClass(cls):
        scenario = {"began": "2026-11-25T20:00:00Z", "requests_per_minute": 10_000, "seconds": 100}
        scenario |= {"environments": 8, "ranges": 20, "event_types": 3, "cache_seconds": 15}
        scenario |= {"rate_limit": 500}
        took = {"hit_in_memory_p50_ms": 1, "from_table_p50_ms": 7, "from_calendly_p50_ms": 49}
        cls.load = {"scenario": scenario, "with_cache": took, "without_cache": {"p50_ms": 2}}
        with_cache = took | load_test.run(cls.load, True)
        without_cache = {"p50_ms": 2} | load_test.run(cls.load, False)
        cls.load |= {"with_cache": with_cache, "without_cache": without_cache}

    def test_leases_make_a_difference(self):
        rows = load_test.with_cache(self.load, WithoutLease)
        self.assertIn("Calls of Calendly a minute", load_test.unpredicted(rows))

    def test_so_does_waiting_for_the_next_minute(self):
        rows = load_test.without_cache(self.load, Impatient)
        self.assertIn("Without the cache: answers with 200", load_test.unpredicted(rows))


if __name__ == "__main__":
    unittest.main()
