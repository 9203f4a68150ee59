"""What is told of a deployment."""

import json
import unittest

import deployment
from settings import Durations, Settings
from traffic import MONTH, Traffic

DURATIONS = Durations(request=0.004, calendly=0.15, table=0.005, cold_start=0.1)


def simulate(settings, **options):
    """A request a second about one event type, unless it is said otherwise."""
    of = Traffic(MONTH * options.pop("a_second", 1), event_types=1)
    return deployment.simulate(settings, of, DURATIONS, **options)


class Figures(unittest.TestCase):
    def test_without_a_cache_each_request_is_a_call(self):
        found = simulate(Settings())
        self.assertAlmostEqual(found["calls_a_minute"], 60, delta=3)
        self.assertEqual((found["calendly"], found["ok"], found["p50_ms"]), (1, 1, 154))
        self.assertGreater(found["most_calls_a_minute"], found["calls_a_minute"])

    def test_with_a_cache_the_shares_make_a_whole_and_calls_are_those_of_one_share(self):
        found = simulate(Settings(fresh=60, has_table=True), a_second=20)
        self.assertAlmostEqual(found["memory"] + found["table"] + found["calendly"], 1)
        self.assertAlmostEqual(found["calls_a_minute"], found["calendly"] * found["a_second"] * 60, delta=1)
        self.assertLess(found["calls_a_minute"], 15)
        self.assertLess(found["mean_age_s"], 60)

    def test_above_the_allowance_requests_are_refused_and_hold_their_environments(self):
        found = simulate(Settings(), a_second=20)
        self.assertGreater(found["refused"], 0.3)
        self.assertGreater(found["environments"], 100)
        few = simulate(Settings(), a_second=20, concurrency=50)
        self.assertEqual(few["environments"], 50)
        self.assertGreater(few["throttled"], 0.1)

    def test_a_month_of_requests_costs_what_can_be_worked_out(self):
        found = simulate(Settings())
        millions = MONTH / 1e6
        self.assertAlmostEqual(found["bill"]["gateway"], millions)
        waiting = 0.154 * 0.25 * 0.0000133334 * 1e6
        self.assertAlmostEqual(found["bill"]["functions"], millions * (0.20 + waiting), delta=0.02)
        self.assertEqual(found["bill"]["table"], 0)

    def test_a_lone_request_pays_for_a_lease_and_an_item_with_the_table(self):
        found = simulate(Settings(fresh=15, has_table=True), a_second=0.001)
        # A read of what is old, a lease and the answer on an item of 4 KB.
        self.assertAlmostEqual(
            found["bill"]["table"], MONTH * 0.001 * (0.5 * 0.125 + 8 * 0.625) / 1e6, delta=0.0015
        )


class Measured(unittest.TestCase):
    def test_durations_are_those_of_the_benchmark_with_less_of_a_processor(self):
        taken = deployment.take_durations(json.loads(deployment.BENCH.read_text()))
        self.assertEqual(set(taken), set(deployment.taken_durations()))
        # Half a millisecond of a processor, of which 256 MB buy a seventh, and 25 ms of waiting.
        found = deployment.durations(taken | {"cpu_per_warm_request_ms": 0.5, "init_ms": 25})
        self.assertAlmostEqual(found.request * 1000, 0.5 * 6.91, delta=0.01)
        self.assertAlmostEqual(found.cold_start, 0.125)


if __name__ == "__main__":
    unittest.main()
