"""Rules that the rows which `scale.py check` simulates again do not exercise enough."""

import unittest

import windows
from environment import CALENDLY, MEMORY, REFUSED, STALE, Question
from settings import MAX_CACHED, Durations, Settings
from tally import Tally
from traffic import BEGINNING
from world import World


def question(week=1):
    """A question about the window `week` weeks ahead."""
    start = BEGINNING + week * windows.WEEK
    return Question(0, 0, start, start + windows.DAY)


class Rules(unittest.TestCase):
    def ask(self, *asked, environments=1, limit=500, calendly=0.1, **settings):
        """(kind, seconds) of each (number of the environment, seconds after the beginning, question)."""
        durations = Durations(request=0.001, calendly=calendly, table=0.005)
        world = World(BEGINNING, Settings(**settings), durations, limit, environments, Tally())
        fleet = [world.environment() for _ in range(environments)]
        outcomes = [None] * len(asked)

        def one(number, environment, after, what):
            yield world.simulation.timeout(after)
            outcome = yield from fleet[environment].answer(what)
            outcomes[number] = outcome.kind, world.simulation.now - BEGINNING - after

        for number, it in enumerate(asked):
            world.simulation.process(one(number, *it))
        world.simulation.run()
        return outcomes

    def kinds(self, *asked, **options):
        return [kind for kind, _ in self.ask(*asked, **options)]

    def test_the_least_recently_used_window_is_evicted(self):
        asked = [*map(question, range(1, MAX_CACHED + 1)), question(1), question(0), question(1), question(2)]
        found = self.kinds(*((0, number / 5, what) for number, what in enumerate(asked)), fresh=300)
        self.assertEqual(found[-4:], [MEMORY, CALENDLY, MEMORY, CALENDLY])

    def test_a_call_asks_from_the_wanted_time_at_the_latest(self):
        window = windows.aligned(0, BEGINNING)
        self.assertEqual(window.asked_from(BEGINNING + 5), window.wanted_from)

    def test_the_wait_for_another_environment_is_bounded(self):
        asked = [(0, 0, question()), (1, 0.1, question())]
        (_, first), (kind, second) = self.ask(*asked, environments=2, calendly=2.5, fresh=15, has_table=True)
        self.assertEqual(kind, CALENDLY)
        self.assertAlmostEqual(second - first, 1.5, delta=0.1)

    def test_a_short_wait_is_slept_and_a_longer_one_refused(self):
        for after, kind, least, most in ((1, REFUSED, 0, 1), (40, REFUSED, 0, 1), (59, CALENDLY, 1, 2)):
            _, (found, took) = self.ask((0, 0, question()), (0, after, question()), limit=1)
            self.assertEqual(found, kind)
            self.assertTrue(least < took < most, took)

    def test_a_stale_answer_serves_while_calendly_refuses(self):
        asked = [(0, 0, question()), (1, 1, question(2)), (0, 40, question()), (0, 45, question())]
        for stale, expected in ((600, [STALE, MEMORY]), (3, [REFUSED, REFUSED])):
            found = self.kinds(*asked, environments=2, limit=2, fresh=1, stale=stale)
            self.assertEqual(found[2:], expected)

    def test_a_stale_answer_of_the_table_serves_too(self):
        asked = [(0, 0, question()), (0, 1, question(2)), (1, 40, question())]
        found = self.kinds(*asked, environments=2, limit=2, fresh=1, stale=600, has_table=True)
        self.assertEqual(found[2:], [STALE])

    def test_a_refused_environment_releases_the_lease(self):
        asked = [(0, 0, question()), (0, 2, question()), (1, 3, question())]
        *_, (kind, took) = self.ask(*asked, environments=2, limit=1, fresh=1, has_table=True)
        self.assertEqual(kind, REFUSED)
        self.assertLess(took, 0.2)

    def test_low_quota_makes_stale_answers_fresh(self):
        # One call of ten is left, and fewer than two count as low quota: half of `stale` counts as fresh.
        others = [(0, number / 5, question(2 + number)) for number in range(8)]
        asked = [*others, *((0, after, question()) for after in (3, 10, 16))]
        self.assertEqual(self.kinds(*asked, limit=10, fresh=1, stale=20)[8:], [CALENDLY, MEMORY, CALENDLY])


if __name__ == "__main__":
    unittest.main()
