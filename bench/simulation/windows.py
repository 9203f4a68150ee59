"""The time window of a request, aligned as in functions/check-availability/src/windows.rs, so that ranges share it.

Times are seconds since 1970. Modeled ranges are short enough for one window, which starts on the coarsest grid.
"""

import math
from collections import namedtuple

from settings import LEAD_TIME, MAX_TRANSIT_TIME

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY


class Window(namedtuple("Window", "start wanted_from")):
    """A window, and the time from which its slots are wanted."""

    def asked_from(self, now):
        """The start of the call at `now`. Its answer serves no earlier start."""
        next_hour = math.ceil((now + MAX_TRANSIT_TIME) / HOUR) * HOUR
        if self.wanted_from >= next_hour:
            return next_hour
        return min(self.wanted_from, math.ceil(now + LEAD_TIME))


def aligned(start, now):
    """The window of a range that is requested at `now`."""
    wanted_from = math.ceil(now + LEAD_TIME) if start <= now + MAX_TRANSIT_TIME else start
    return Window(wanted_from // WEEK * WEEK, wanted_from)
