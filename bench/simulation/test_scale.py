"""The figures of a deployment, and the page's tables of them."""

import unittest

import deployment
import scale
import sweep
from settings import Durations, Settings
from traffic import MONTH, Traffic

DURATIONS = Durations(request=0.004, calendly=0.15, table=0.005, cold_start=0.1)
ANSWERED = {"ok": 1.0, "refused": 0.0, "throttled": 0.0, "most_calls_a_minute": 10}


def simulate(settings, a_second=1, **options):
    of = Traffic(MONTH * a_second, event_types=1)
    return deployment.simulate(settings, of, DURATIONS, **options)


class Figures(unittest.TestCase):
    def test_without_a_cache_each_request_is_a_call(self):
        found = simulate(Settings())
        self.assertAlmostEqual(found["calls_a_minute"], 60, delta=3)
        self.assertEqual((found["calendly"], found["ok"], found["p50_ms"]), (1, 1, 154))
        self.assertAlmostEqual(found["bill"]["gateway"], MONTH / 1e6)
        self.assertEqual(found["bill"]["table"], 0)

    def test_with_a_cache_the_shares_add_up(self):
        found = simulate(Settings(fresh=60, has_table=True), a_second=20)
        self.assertAlmostEqual(found["memory"] + found["table"] + found["calendly"], 1)
        self.assertAlmostEqual(found["calls_a_minute"], found["calendly"] * found["a_second"] * 60, delta=1)
        self.assertLess(found["mean_age_s"], 60)

    def test_above_the_quota_requests_are_refused_and_above_the_limit_throttled(self):
        self.assertGreater(simulate(Settings(), a_second=20)["refused"], 0.1)
        found = simulate(Settings(), a_second=20, concurrency=2)
        self.assertEqual(found["environments"], 2)
        self.assertGreater(found["throttled"], 0.1)


def chosen(**changed):
    rows = (
        {"part": "traffic", "key": [1e6, "even", name], **ANSWERED, **changed.get(name.split(",")[0], {})}
        for name in sweep.SETTINGS
    )
    return scale.chosen(scale.Results(rows), 1e6, "even")


class Page(unittest.TestCase):
    def test_the_first_setting_within_quota_that_refuses_nothing_is_chosen(self):
        self.assertEqual(chosen(), "off")
        for trouble in ({"most_calls_a_minute": 401}, {"ok": 0.999}):
            self.assertEqual(chosen(off=trouble), "15 s")
        self.assertIsNone(chosen(**{name.split(",")[0]: {"ok": 0.5} for name in sweep.SETTINGS}))

    def test_small_parts_are_not_rounded_to_nothing_or_all(self):
        shown = [scale.percent(part) for part in (0, 0.0004, 0.05, 0.9996, 1)]
        self.assertEqual(shown, ["0.0 %", "< 0.1 %", "5.0 %", "> 99.9 %", "100.0 %"])

    def test_limits_are_interpolated_and_extrapolated(self):
        rows = (
            {"part": "walls", "key": [rate], "grows": rate / 100, "squared": rate**2}
            for rate in sweep.WALL_RATES
        )
        results = scale.Results(rows)
        for what, limit, rate in [("grows", 50, 5_000), ("grows", 500, 50_000), ("squared", 2.5e5, 500)]:
            self.assertAlmostEqual(scale.rate_at(what, limit, results), rate)


if __name__ == "__main__":
    unittest.main()
