"""How environments come by what they do not have."""

import unittest

import simpy
import windows
from calendly import Calendly
from environment import CALENDLY, MEMORY, REFUSED, STALE, TABLE, Environment, Question
from settings import MOST_KEPT, Durations, Settings
from table import Table
from traffic import BEGINNING

DURATIONS = Durations(request=0.001, calendly=0.1, table=0.005)
NEXT_WEEK = BEGINNING + windows.WEEK


def question(start=NEXT_WEEK, pat=0):
    return Question(pat, 0, start, start + windows.DAY)


class World:
    """Environments that share a table and an allowance, asked at the moments that a test says."""

    def __init__(self, limit=500, **settings):
        self.simulation = simpy.Environment(initial_time=BEGINNING)
        self.calendly = Calendly(self.simulation, DURATIONS.calendly, limit)
        self.settings = Settings(**settings)
        self.table = Table(self.simulation, DURATIONS.table, 3_000) if self.settings.has_table else None

    def environment(self):
        return Environment(self.simulation, self.settings, DURATIONS, self.calendly, self.table)

    def ask(self, *asked):
        """The outcomes of (environment, seconds after the beginning, question) each."""
        outcomes = [None] * len(asked)

        def one(number, environment, after, what):
            yield self.simulation.timeout(BEGINNING + after - self.simulation.now)
            began = self.simulation.now
            outcomes[number] = (yield from environment.answer(what)), self.simulation.now - began

        for number, (environment, after, what) in enumerate(asked):
            self.simulation.process(one(number, environment, after, what))
        self.simulation.run()
        return outcomes

    def kinds(self, *asked):
        return [outcome.kinds for outcome, _ in self.ask(*asked)]


class Kept(unittest.TestCase):
    def test_nothing_is_kept_where_the_cache_is_off(self):
        world = World()
        one = world.environment()
        self.assertEqual(world.kinds((one, 0, question()), (one, 1, question())), [[CALENDLY]] * 2)
        self.assertEqual(world.calendly.calls.total(), 2)

    def test_an_answer_serves_for_as_long_as_it_is_fresh_counted_from_when_it_was_asked_for(self):
        world = World(fresh=15)
        one = world.environment()
        asked = [(one, after, question()) for after in (0, 14.9, 15.1)]
        self.assertEqual(world.kinds(*asked), [[CALENDLY], [MEMORY], [CALENDLY]])

    def test_ranges_of_a_week_share_an_answer(self):
        world = World(fresh=15)
        one = world.environment()
        kinds = world.kinds((one, 0, question()), (one, 1, question(NEXT_WEEK + 3600)))
        self.assertEqual(kinds, [[CALENDLY], [MEMORY]])

    def test_what_was_asked_from_later_on_does_not_serve_the_present(self):
        world = World(fresh=15)
        one = world.environment()
        later, now = (question(BEGINNING + 2 * windows.HOUR), Question(0, 0, 0, BEGINNING + windows.HOUR * 4))
        kinds = world.kinds((one, 0, later), (one, 1, now), (one, 2, later))
        self.assertEqual(kinds, [[CALENDLY], [CALENDLY], [MEMORY]])

    def test_where_there_are_too_many_those_that_were_not_used_for_longest_go(self):
        world = World(fresh=300)
        one = world.environment()
        weeks = [question(NEXT_WEEK + number * windows.WEEK) for number in range(MOST_KEPT + 1)]
        asked = [*weeks[:-1], weeks[0], weeks[-1], weeks[0], weeks[1]]
        kinds = world.kinds(*((one, number / 5, what) for number, what in enumerate(asked)))
        self.assertEqual(kinds[-4:], [[MEMORY], [CALENDLY], [MEMORY], [CALENDLY]])

    def test_what_one_pat_learnt_serves_no_other(self):
        world = World(fresh=15, has_table=True)
        one = world.environment()
        self.assertEqual(world.kinds((one, 0, question()), (one, 1, question(pat=1)))[1], [CALENDLY])


class Shared(unittest.TestCase):
    def test_without_a_table_each_environment_asks(self):
        world = World(fresh=15)
        asked = [(world.environment(), 0, question()) for _ in range(8)]
        self.assertEqual(world.kinds(*asked), [[CALENDLY]] * 8)

    def test_of_many_environments_that_need_the_same_at_once_one_asks_and_the_others_wait(self):
        world = World(fresh=15, has_table=True)
        outcomes = world.ask(*((world.environment(), number / 100, question()) for number in range(8)))
        self.assertEqual([outcome.kinds for outcome, _ in outcomes], [[CALENDLY]] + [[TABLE]] * 7)
        self.assertEqual(world.calendly.calls.total(), 1)
        self.assertEqual([outcome.waited for outcome, _ in outcomes], [False] + [True] * 7)

    def test_two_that_find_no_lease_at_the_same_moment_do_not_both_take_it(self):
        world = World(fresh=15, has_table=True)
        world.ask(*((world.environment(), 0, question()) for _ in range(2)))
        self.assertEqual(world.calendly.calls.total(), 1)

    def test_what_another_brought_is_kept_with_its_age(self):
        world = World(fresh=15, has_table=True)
        one, other = world.environment(), world.environment()
        kinds = world.kinds((one, 0, question()), *((other, after, question()) for after in (10, 14, 16)))
        self.assertEqual(kinds, [[CALENDLY], [TABLE], [MEMORY], [CALENDLY]])

    def test_who_waits_does_so_no_longer_than_a_while(self):
        world = World(fresh=15, has_table=True)
        world.calendly.seconds = 2.5
        (_, first), (outcome, second) = world.ask(
            (world.environment(), 0, question()), (world.environment(), 0.1, question())
        )
        self.assertEqual(outcome.kinds, [CALENDLY])
        self.assertGreater(second, first + 1.4)
        self.assertLess(second, first + 1.6)


class Refused(unittest.TestCase):
    def test_a_refusal_whose_wait_does_not_fit_is_the_answer(self):
        world = World(limit=1)
        one = world.environment()
        (_, _), (outcome, took) = world.ask((one, 0, question()), (one, 1, question()))
        self.assertEqual(outcome.kinds, [REFUSED])
        self.assertLess(took, 1)

    def test_a_wait_that_fits_is_waited_for(self):
        world = World(limit=1)
        one = world.environment()
        (_, _), (outcome, took) = world.ask((one, 0, question()), (one, 40, question()))
        self.assertEqual(outcome.kinds, [CALENDLY])
        self.assertGreater(took, 20)

    def test_an_older_answer_serves_while_calendly_refuses(self):
        world = World(limit=2, fresh=1, stale=600)
        one, other = world.environment(), world.environment()
        elsewhere = question(NEXT_WEEK + windows.WEEK)
        asked = [(one, 0, question()), (other, 1, elsewhere), (one, 40, question()), (one, 45, question())]
        outcomes = world.ask(*asked)
        self.assertEqual(
            [outcome.kinds for outcome, _ in outcomes], [[CALENDLY], [CALENDLY], [STALE], [MEMORY]]
        )
        # Calendly gets two seconds where something else can serve; then it is known that no calls are left.
        self.assertAlmostEqual(outcomes[2][1], 2, delta=0.2)

    def test_an_answer_that_is_too_old_serves_nobody(self):
        world = World(limit=2, fresh=1, stale=3)
        one, other = world.environment(), world.environment()
        elsewhere = question(NEXT_WEEK + windows.WEEK)
        kinds = world.kinds((one, 0, question()), (other, 1, elsewhere), (one, 5, question()))
        self.assertEqual(kinds[2], [REFUSED])

    def test_who_is_refused_gives_the_lease_back(self):
        world = World(limit=1, fresh=1, has_table=True)
        one, other = world.environment(), world.environment()
        outcomes = world.ask((one, 0, question()), (one, 2, question()), (other, 3, question()))
        self.assertEqual([outcome.kinds for outcome, _ in outcomes[1:]], [[REFUSED]] * 2)
        self.assertFalse(outcomes[2][0].waited)

    def test_when_few_calls_are_left_older_answers_serve_before_calendly_refuses(self):
        # One call of ten is left of which two are plenty: half of the time that is allowed for older ones.
        world = World(limit=10, fresh=1, stale=20)
        one = world.environment()
        others = [(one, number / 5, question(NEXT_WEEK + (number + 1) * windows.WEEK)) for number in range(8)]
        kinds = world.kinds(*others, (one, 3, question()), (one, 10, question()), (one, 16, question()))
        self.assertEqual(kinds[8:], [[CALENDLY], [MEMORY], [CALENDLY]])


if __name__ == "__main__":
    unittest.main()
