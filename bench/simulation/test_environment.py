"""The cache, single flight and rate limits of environments, with the same cases as the Rust tests."""

import unittest

import simpy
import windows
from calendly import Calendly
from environment import CALENDLY, MEMORY, REFUSED, STALE, TABLE, Environment, Question
from settings import MAX_CACHED, Durations, Settings
from table import Table
from traffic import BEGINNING

DURATIONS = Durations(request=0.001, calendly=0.1, table=0.005)
NEXT_WEEK = BEGINNING + windows.WEEK


def question(start=NEXT_WEEK, pat=0):
    return Question(pat, 0, start, start + windows.DAY)


class World:
    """`environments` that share a table and a quota."""

    def __init__(self, environments=1, limit=500, **settings):
        self.simulation = simpy.Environment(initial_time=BEGINNING)
        self.calendly = Calendly(self.simulation, DURATIONS.calendly, limit)
        settings = Settings(**settings)
        table = Table(self.simulation, DURATIONS.table, 3_000) if settings.has_table else None
        shared = (self.simulation, settings, DURATIONS, self.calendly, table)
        self.environments = [Environment(*shared) for _ in range(environments)]

    def ask(self, *asked):
        """(outcome, seconds) of each (number of the environment, seconds after the beginning, question)."""
        outcomes = [None] * len(asked)

        def one(number, environment, after, what):
            yield self.simulation.timeout(BEGINNING + after - self.simulation.now)
            began = self.simulation.now
            outcome = yield from self.environments[environment].answer(what)
            outcomes[number] = outcome, self.simulation.now - began

        for number, it in enumerate(asked):
            self.simulation.process(one(number, *it))
        self.simulation.run()
        return outcomes

    def kinds(self, *asked):
        return [outcome.kinds[0] for outcome, _ in self.ask(*asked)]


class Cache(unittest.TestCase):
    def test_freshness(self):
        later = question(BEGINNING + 2 * windows.HOUR)
        now = Question(0, 0, 0, BEGINNING + windows.HOUR * 4)
        for fresh, asked, expected in [
            (0, [(0, question()), (1, question())], [CALENDLY, CALENDLY]),
            (15, [(0, question()), (14.9, question()), (15.1, question())], [CALENDLY, MEMORY, CALENDLY]),
            (15, [(0, question()), (1, question(NEXT_WEEK + 3600))], [CALENDLY, MEMORY]),
            (15, [(0, later), (1, now), (2, later)], [CALENDLY, CALENDLY, MEMORY]),
            (15, [(0, question()), (1, question(pat=1))], [CALENDLY, CALENDLY]),
        ]:
            found = World(fresh=fresh).kinds(*((0, after, what) for after, what in asked))
            self.assertEqual(found, expected, asked)

    def test_the_least_recently_used_window_is_evicted(self):
        weeks = [question(NEXT_WEEK + number * windows.WEEK) for number in range(MAX_CACHED + 1)]
        asked = [*weeks[:-1], weeks[0], weeks[-1], weeks[0], weeks[1]]
        found = World(fresh=300).kinds(*((0, number / 5, what) for number, what in enumerate(asked)))
        self.assertEqual(found[-4:], [MEMORY, CALENDLY, MEMORY, CALENDLY])


class SingleFlight(unittest.TestCase):
    def test_one_environment_calls_and_the_others_wait(self):
        world = World(environments=8, fresh=15, has_table=True)
        outcomes = world.ask(*((number, number / 100, question()) for number in range(8)))
        self.assertEqual([outcome.kinds for outcome, _ in outcomes], [[CALENDLY]] + [[TABLE]] * 7)
        self.assertEqual([outcome.waited for outcome, _ in outcomes], [False] + [True] * 7)
        self.assertEqual(world.calendly.calls.total(), 1)

    def test_the_lease_is_taken_once(self):
        world = World(environments=2, fresh=15, has_table=True)
        world.ask((0, 0, question()), (1, 0, question()))
        self.assertEqual(world.calendly.calls.total(), 1)

    def test_a_shared_answer_keeps_its_age(self):
        world = World(environments=2, fresh=15, has_table=True)
        found = world.kinds((0, 0, question()), *((1, after, question()) for after in (10, 14, 16)))
        self.assertEqual(found, [CALENDLY, TABLE, MEMORY, CALENDLY])

    def test_the_wait_is_bounded(self):
        world = World(environments=2, fresh=15, has_table=True)
        world.calendly.seconds = 2.5
        (_, first), (outcome, second) = world.ask((0, 0, question()), (1, 0.1, question()))
        self.assertEqual(outcome.kinds, [CALENDLY])
        self.assertAlmostEqual(second - first, 1.5, delta=0.1)


class RateLimit(unittest.TestCase):
    def test_a_short_wait_is_slept_and_a_longer_one_refused(self):
        for after, kind, least, most in ((1, REFUSED, 0, 1), (40, REFUSED, 0, 1), (59, CALENDLY, 1, 2)):
            _, (outcome, took) = World(limit=1).ask((0, 0, question()), (0, after, question()))
            self.assertEqual(outcome.kinds, [kind])
            self.assertTrue(least < took < most, took)

    def test_a_stale_answer_serves_while_calendly_refuses(self):
        elsewhere = question(NEXT_WEEK + windows.WEEK)
        asked = [(0, 0, question()), (1, 1, elsewhere), (0, 40, question()), (0, 45, question())]
        for stale, expected in ((600, [STALE, MEMORY]), (3, [REFUSED, REFUSED])):
            world = World(environments=2, limit=2, fresh=1, stale=stale)
            self.assertEqual(world.kinds(*asked)[2:], expected)

    def test_a_refused_environment_releases_the_lease(self):
        world = World(environments=2, limit=1, fresh=1, has_table=True)
        outcomes = world.ask((0, 0, question()), (0, 2, question()), (1, 3, question()))
        self.assertEqual([outcome.kinds for outcome, _ in outcomes[1:]], [[REFUSED]] * 2)
        self.assertFalse(outcomes[2][0].waited)

    def test_low_quota_makes_stale_answers_fresh(self):
        # One call of ten is left, and fewer than two count as low quota: half of `stale` counts as fresh.
        others = [(0, number / 5, question(NEXT_WEEK + (number + 1) * windows.WEEK)) for number in range(8)]
        world = World(limit=10, fresh=1, stale=20)
        found = world.kinds(*others, *((0, after, question()) for after in (3, 10, 16)))
        self.assertEqual(found[8:], [CALENDLY, MEMORY, CALENDLY])


if __name__ == "__main__":
    unittest.main()
