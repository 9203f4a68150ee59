"""Who gets a request, and when an environment is started."""

import unittest

import simpy
from environment import CALENDLY, Outcome
from fleet import THROTTLED, Fleet


class Busy:
    """An environment that takes a second for a request."""

    def __init__(self, simulation):
        self.simulation = simulation
        self.secret_reads = [simulation.now]
        self.answered = 0

    def answer(self, question):
        yield self.simulation.timeout(1)
        self.answered += 1
        return Outcome([CALENDLY], self.simulation.now, False)


class Lambda(unittest.TestCase):
    def fleet(self, *moments, most=2, **options):
        simulation = simpy.Environment()
        made = []

        def make():
            made.append(Busy(simulation))
            return made[-1]

        fleet = Fleet(simulation, make, most, cold_start=0.5, **options)

        def arrivals():
            for moment in moments:
                yield simulation.timeout(moment - simulation.now)
                fleet.arrive(None)

        simulation.process(arrivals())
        simulation.run()
        return fleet, made

    def test_a_request_that_finds_no_idle_environment_starts_one(self):
        fleet, made = self.fleet(0, 0.1, 3)
        self.assertEqual(len(made), 2)
        self.assertEqual((fleet.tally.cold_starts, fleet.most_busy), (2, 2))
        self.assertAlmostEqual(fleet.tally.served_seconds, 3 + 2 * 0.5)

    def test_what_no_environment_may_be_started_for_is_refused(self):
        fleet, _ = self.fleet(0, 0.1, 0.2)
        self.assertEqual(fleet.tally.statuses, {200: 2, THROTTLED: 1})

    def test_or_waits_where_it_may(self):
        fleet, _ = self.fleet(0, 0.1, 0.2, may_wait=True)
        self.assertEqual(fleet.tally.statuses, {200: 3})
        self.assertEqual(fleet.tally.percentile(1), 2300)

    def test_the_one_that_was_used_last_is_used_again(self):
        _, made = self.fleet(0, 0.1, 5, 10)
        self.assertEqual(sorted(one.answered for one in made), [1, 3])

    def test_in_the_load_test_they_take_turns(self):
        _, made = self.fleet(0, 0.1, 5, 10, may_wait=True)
        self.assertEqual(sorted(one.answered for one in made), [2, 2])

    def test_an_idle_environment_goes_after_a_while_unless_it_is_kept_warm(self):
        fleet, made = self.fleet(0, 100, kept=60)
        self.assertEqual((len(made), fleet.environments), (2, 1))
        self.assertEqual(len(fleet.secret_reads), 2)
        fleet, made = self.fleet(0, 100, kept=60, kept_warm=1)
        self.assertEqual(len(made), 1)

    def test_what_came_before_the_tally_begins_does_not_count(self):
        simulation = simpy.Environment()
        fleet = Fleet(simulation, lambda: Busy(simulation), 1)
        fleet.tally.since = 1
        fleet.arrive(None)
        simulation.run()
        self.assertEqual(fleet.tally.requests, 0)


if __name__ == "__main__":
    unittest.main()
