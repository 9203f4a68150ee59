"""Starts of environments, the concurrency limit, and bills that can be worked out by hand."""

import unittest

import prices
import simpy
from environment import CALENDLY, Outcome
from fleet import THROTTLED, Fleet


class Busy:
    """An environment that takes a second for a request."""

    def __init__(self, simulation):
        self.simulation, self.secret_reads, self.answered = simulation, [simulation.now], 0

    def answer(self, question):
        yield self.simulation.timeout(1)
        self.answered += 1
        return Outcome([CALENDLY], self.simulation.now, False)


class Lambda(unittest.TestCase):
    def fleet(self, *moments, most=2, **options):
        simulation, made = simpy.Environment(), []

        def make():
            made.append(Busy(simulation))
            return made[-1]

        def arrivals():
            for moment in moments:
                yield simulation.timeout(moment - simulation.now)
                fleet.arrive(None)

        fleet = Fleet(simulation, make, most, cold_start=0.5, **options)
        simulation.process(arrivals())
        simulation.run()
        return fleet, made

    def test_a_request_without_an_idle_environment_starts_one(self):
        fleet, made = self.fleet(0, 0.1, 3)
        self.assertEqual((len(made), fleet.tally.cold_starts, fleet.max_busy), (2, 2, 2))
        self.assertAlmostEqual(fleet.tally.served_seconds, 3 + 2 * 0.5)

    def test_requests_above_the_limit_are_throttled_or_wait(self):
        self.assertEqual(self.fleet(0, 0.1, 0.2)[0].tally.statuses, {200: 2, THROTTLED: 1})
        fleet, _ = self.fleet(0, 0.1, 0.2, may_wait=True)
        self.assertEqual((fleet.tally.statuses, fleet.tally.percentile(1)), ({200: 3}, 2300))

    def test_the_last_used_environment_is_used_again(self):
        self.assertEqual(sorted(one.answered for one in self.fleet(0, 0.1, 5, 10)[1]), [1, 3])

    def test_an_idle_environment_ends_unless_it_is_warmed(self):
        self.assertEqual(len(self.fleet(0, 100, idle_timeout=60)[1]), 2)
        self.assertEqual(len(self.fleet(0, 100, idle_timeout=60, min_warm=1)[1]), 1)


class Bill(unittest.TestCase):
    def test_each_part_has_its_price(self):
        names = "requests invocations served_seconds read_units write_units secret_reads secrets bytes_out"
        for amounts, part, dollars in [
            ({}, "gateway", 0),
            ({"requests": 1_000_000}, "gateway", 1.00),
            ({"requests": 4e8}, "gateway", 300 + 90),
            ({"invocations": 1_000_000}, "functions", 0.20),
            # docs/operations.md: a million requests that wait 150 ms.
            ({"served_seconds": 150_000}, "functions", 0.50),
            ({"read_units": 1_000_000}, "table", 0.125),
            ({"write_units": 1_000_000}, "table", 0.625),
            ({"requests": 1_000_000}, "logs", 0.98),
            ({"secrets": 1, "secret_reads": 20_000}, "secrets", 0.50),
            ({"bytes_out": 100 * 1024**3}, "transfer", 9.00),
        ]:
            bill = prices.month(**dict.fromkeys(names.split(), 0) | amounts)
            self.assertAlmostEqual(getattr(bill, part), dollars, delta=0.005, msg=f"{amounts}")

    def test_monitoring_with_default_parameters(self):
        self.assertAlmostEqual(prices.monitoring(has_cache=False, has_table=False), 15.70)
        self.assertAlmostEqual(prices.monitoring(has_cache=True, has_table=True), 17.80)


if __name__ == "__main__":
    unittest.main()
