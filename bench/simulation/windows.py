"""Which windows a range of a request needs of Calendly: functions/check-availability/src/aligned.rs and range.rs.

Moments are seconds since 1970.
"""

import math
from collections import namedtuple
from functools import lru_cache

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY

# What Calendly answers at once.
LONGEST = 31 * DAY

# The grids on which windows may start, the coarsest first.
GRIDS = (WEEK, DAY, HOUR)

# Where a start in the past is moved to, counted from now.
HEAD_START = 60

# A start that is not past yet will be when the call arrives.
ON_THE_WAY = 2


class Window(namedtuple("Window", "start wanted_from")):
    """A part of a range: where its window starts, and from when on its slots are wanted."""

    def asked_from(self, now):
        """What Calendly is asked from, at the moment `now`: what was asked serves no earlier start."""
        earliest = now + ON_THE_WAY
        next_hour = math.ceil(earliest / HOUR) * HOUR
        if self.start > earliest:
            return self.start
        if self.wanted_from >= next_hour > earliest:
            return next_hour
        return min(self.wanted_from, shortly(now))


def moved(start, now):
    """A start that Calendly takes at the moment `now`."""
    return shortly(now) if start <= now + ON_THE_WAY else start


def shortly(now):
    return math.ceil(now + HEAD_START)


def shared(start, end, now):
    """The windows of a range that other ranges may share."""
    start = moved(start, now)
    first, *others = starts(start, end)
    return [Window(first, start), *(Window(other, other) for other in others)]


def parts(start, end, now):
    """The parts of a range that are asked for where nothing is kept."""
    start = moved(start, now)
    return [Window(part, part) for part in range(start, end, LONGEST)]


@lru_cache(maxsize=100_000)
def starts(start, end):
    """As few windows as can be, and on the coarsest grid that costs no more of them."""
    candidates = [tuple(range(start // grid * grid, end, LONGEST)) for grid in GRIDS]
    return min(candidates, key=len)
