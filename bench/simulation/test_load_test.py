"""The scenario is that of the load test, and a model without a rule does not predict the measurement."""

import json
import unittest
from datetime import datetime, timezone
from unittest import mock

import load_test
import windows
import world
from scale import LOAD


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.load = json.loads(LOAD.read_text())

    def test_requests_ask_for_what_the_load_test_draws(self):
        now = datetime(2026, 11, 26, 1, tzinfo=timezone.utc).timestamp()
        asked = list(load_test.questions(self.load["scenario"], now))
        # 1 × 6364136223846793005 + 1442695040888963407 without its last 33 bits is 908,834,774, so it is range 14:
        # four weeks and 14 hours after the next midnight.
        midnight = datetime(2026, 11, 27, tzinfo=timezone.utc).timestamp()
        self.assertEqual(asked[0][1].start - midnight, 28 * windows.DAY + 14 * windows.HOUR)
        # The load test counts the window of the present week twice if only some of its ranges have begun.
        found = {(it.event_type, windows.aligned(it.start, now).start, it.start < now) for _, it in asked}
        self.assertEqual(len(found), self.load["scenario"]["windows"])

    def test_a_model_without_the_table_does_not_predict_it(self):
        with mock.patch.object(world, "Table", return_value=None):
            self.assertIn("Calls of Calendly a minute", load_test.unpredicted(self.load))

    def test_a_prediction_is_within_the_tolerance(self):
        for measured, predicted, expected in [
            (100, 114, True),
            (100, 116, False),
            (100, 84, False),
            (0, 0.01, False),
            (0.001, 0.0014, True),
        ]:
            self.assertEqual(load_test.is_near(measured, predicted), expected, (measured, predicted))


if __name__ == "__main__":
    unittest.main()
