"""Calendly's rate limit, counted as in sandbox/src/calendly/rate_limit.rs."""

import math
from collections import Counter, namedtuple

# A rate limit window begins with the first call after the previous one.
MINUTE = 60

Reply = namedtuple("Reply", "is_ok left reset")


class Calendly:
    """Allows `limit` calls a minute for each PAT."""

    def __init__(self, simulation, seconds, limit):
        self.simulation = simulation
        self.seconds = seconds
        self.limit = limit
        # {PAT: (start of its minute, calls answered in it)}
        self._minutes = {}
        # {(PAT, second): calls}
        self.calls = Counter()

    def call(self, pat):
        """Makes a call: a process that returns the response."""
        yield self.simulation.timeout(self.seconds / 2)
        reply = self._take(pat)
        yield self.simulation.timeout(self.seconds / 2)
        return reply

    def _take(self, pat):
        now = self.simulation.now
        began, used = self._minutes.get(pat, (now, 0))
        if now - began >= MINUTE:
            began, used = now, 0
        is_ok = used < self.limit
        used += is_ok
        self._minutes[pat] = began, used
        self.calls[pat, int(now)] += 1
        return Reply(is_ok, 1 - used / self.limit, math.ceil(began + MINUTE - now))

    def busiest_minute(self, begin, end):
        """The calls in the busiest minute of a period: the total, and the maximum of one PAT."""
        minutes, of_one = Counter(), Counter()
        for (pat, second), count in self.calls.items():
            if begin <= second < end:
                minute = (second - begin) // MINUTE
                minutes[minute] += count
                of_one[minute, pat] += count
        return max(minutes.values(), default=0), max(of_one.values(), default=0)
