"""The time windows of a request, aligned as in check-availability, so that similar ranges share them.

Times are seconds since 1970.
"""

import math
from collections import namedtuple
from functools import lru_cache

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY

# The longest range of one call.
LONGEST = 31 * DAY

# Windows start on one of these grids, the coarsest possible.
GRIDS = (WEEK, DAY, HOUR)

# A start in the past is moved to this time from now.
HEAD_START = 60

# A start this close to now may have passed when the call arrives.
ON_THE_WAY = 2


class Window(namedtuple("Window", "start wanted_from")):
    """A window, and the time from which its slots are wanted."""

    def asked_from(self, now):
        """The start of the call at `now`. Its answer serves no earlier start."""
        earliest = now + ON_THE_WAY
        next_hour = math.ceil(earliest / HOUR) * HOUR
        if self.start > earliest:
            return self.start
        if self.wanted_from >= next_hour > earliest:
            return next_hour
        return min(self.wanted_from, shortly(now))


def moved(start, now):
    """A start that Calendly accepts at `now`."""
    return shortly(now) if start <= now + ON_THE_WAY else start


def shortly(now):
    return math.ceil(now + HEAD_START)


def shared(start, end, now):
    """The aligned windows of a range."""
    start = moved(start, now)
    first, *others = starts(start, end)
    return [Window(first, start), *(Window(other, other) for other in others)]


def parts(start, end, now):
    """The windows of a range without a cache."""
    start = moved(start, now)
    return [Window(part, part) for part in range(start, end, LONGEST)]


@lru_cache(maxsize=100_000)
def starts(start, end):
    """The starts of as few windows as possible, on the coarsest possible grid."""
    candidates = [tuple(range(start // grid * grid, end, LONGEST)) for grid in GRIDS]
    return min(candidates, key=len)
