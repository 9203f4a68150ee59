"""The concurrency limit of a fleet, and prices with tiers."""

import unittest

import prices
import simpy
from environment import CALENDLY, Answer, Outcome
from fleet import Fleet
from tally import THROTTLED, Tally


class Busy:
    """An environment that takes a second for a request."""

    def __init__(self, simulation):
        self.simulation = simulation

    def answer(self, question):
        yield self.simulation.timeout(1)
        return Outcome(CALENDLY, Answer(self.simulation.now, asked_from=0))


class Limit(unittest.TestCase):
    def fleet(self, **options):
        """Three requests, within the time that a fleet of two takes for one."""
        simulation = simpy.Environment()
        fleet = Fleet(simulation, lambda: Busy(simulation), 2, Tally(), cold_start=0.5, **options)

        def arrivals():
            for _ in range(3):
                fleet.arrive(None)
                yield simulation.timeout(0.1)

        simulation.process(arrivals())
        simulation.run()
        return fleet

    def test_requests_above_the_limit_are_throttled_or_wait(self):
        fleet = self.fleet()
        self.assertEqual(fleet.tally.kinds, {CALENDLY: 2, THROTTLED: 1})
        self.assertEqual(fleet.max_busy, 2)
        fleet = self.fleet(may_wait=True)
        self.assertEqual((fleet.tally.kinds, fleet.tally.percentile(1)), ({CALENDLY: 3}, 2300))
        self.assertEqual(fleet.tally.cold_starts, 2)
        self.assertAlmostEqual(fleet.tally.served_seconds, 3 + 2 * 0.5)


class Bill(unittest.TestCase):
    def test_each_tier_has_its_price(self):
        self.assertAlmostEqual(prices.tiered(4e8, prices.GATEWAY_TIERS), 300 + 90)
        self.assertAlmostEqual(prices.tiered(20 * 1024, prices.TRANSFER_TIERS), 10 * 1024 * (0.09 + 0.085))


if __name__ == "__main__":
    unittest.main()
