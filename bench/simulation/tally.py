"""Counts the outcomes of requests."""

from collections import Counter

from environment import REFUSED

# Lambda has no environment for the request.
THROTTLED = "throttled"


class Tally:
    """The outcomes of requests that arrived at `since` or later."""

    def __init__(self, since=0):
        self.since = since
        # {source of the answer, REFUSED or THROTTLED: requests}
        self.kinds = Counter()
        self.cold_starts = 0
        # The sum of the answers' ages, and the busy seconds of all environments.
        self.ages = 0.0
        self.served_seconds = 0.0
        # {milliseconds: responses}
        self._milliseconds = Counter()

    @property
    def requests(self):
        return self.kinds.total()

    @property
    def answered(self):
        return self.requests - self.kinds[REFUSED] - self.kinds[THROTTLED]

    @property
    def mean_age(self):
        return self.ages / self.answered if self.answered else 0.0

    def throttle(self, arrived):
        if arrived >= self.since:
            self.kinds[THROTTLED] += 1

    def add(self, arrived, outcome, ended, began, cold_start):
        """Counts a request that arrived at `arrived` and was served from `began` to `ended`."""
        if arrived < self.since:
            return
        self.kinds[outcome.kind] += 1
        self.served_seconds += ended - began + cold_start
        self.cold_starts += bool(cold_start)
        self._milliseconds[round((ended - arrived) * 1000)] += 1
        if outcome.answer:
            self.ages += ended - outcome.answer.as_of

    def percentile(self, part):
        """The latency, in milliseconds, that this share of the responses does not exceed."""
        left = part * self._milliseconds.total()
        for milliseconds, count in sorted(self._milliseconds.items()):
            left -= count
            if left <= 0:
                return milliseconds
        return 0

    def share(self, kind):
        """The share of answers that came from this source."""
        return self.kinds[kind] / self.answered if self.answered else 0.0
