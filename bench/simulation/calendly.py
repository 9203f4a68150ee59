"""Calendly: an allowance by user, as sandbox/src/calendly/rate_limit.rs counts it."""

import math
from collections import Counter, namedtuple

# Windows of this length begin with the first call after the last one.
MINUTE = 60

Reply = namedtuple("Reply", "is_ok left reset")


class Calendly:
    """`limit` calls a minute and PAT, each PAT of a user of their own."""

    def __init__(self, simulation, seconds, limit):
        self.simulation = simulation
        self.seconds = seconds
        self.limit = limit
        # {PAT: (when its minute began, calls that were answered in it)}
        self._minutes = {}
        # Calls by PAT, second, and whether they were answered.
        self.calls = Counter()

    def call(self, pat):
        """One call, as a process that ends with the reply."""
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
        self.calls[pat, int(now), is_ok] += 1
        return Reply(is_ok, 1 - used / self.limit, math.ceil(began + MINUTE - now))

    def busiest_minute(self, begin, end):
        """The most calls of a minute between these moments, and the most of those with one PAT."""
        minutes, of_one = Counter(), Counter()
        for (pat, second, _), count in self.calls.items():
            if begin <= second < end:
                minute = (second - begin) // MINUTE
                minutes[minute] += count
                of_one[minute, pat] += count
        return max(minutes.values(), default=0), max(of_one.values(), default=0)
