"""Counts the outcomes of requests."""

from collections import Counter

OK, TOO_MANY_REQUESTS = 200, 429


class Tally:
    """The outcomes of requests that arrived at `since` or later."""

    def __init__(self):
        self.since = 0
        self.statuses = Counter()
        self.kinds = Counter()
        self.waits = 0
        self.cold_starts = 0
        # The sum of the answers' ages, and the busy seconds of all environments.
        self.ages = 0.0
        self.served_seconds = 0.0
        # {milliseconds: answers}
        self._milliseconds = Counter()

    @property
    def requests(self):
        return sum(self.statuses.values())

    @property
    def mean_age(self):
        return self.ages / self.statuses[OK] if self.statuses[OK] else 0.0

    def refuse(self, came, status):
        """Counts a throttled request."""
        if came >= self.since:
            self.statuses[status] += 1

    def add(self, came, outcome, ended, began, cold_start):
        """Counts a request that arrived at `came` and was served from `began` to `ended`."""
        if came < self.since:
            return
        self.served_seconds += ended - began + cold_start
        self._milliseconds[round((ended - came) * 1000)] += 1
        self.cold_starts += bool(cold_start)
        self.waits += outcome.waited
        self.kinds.update(outcome.kinds)
        if outcome.is_refused:
            self.statuses[TOO_MANY_REQUESTS] += 1
        else:
            self.statuses[OK] += 1
            self.ages += ended - outcome.as_of

    def percentile(self, part):
        """The latency, in milliseconds, that this share of the answers does not exceed."""
        left = part * self._milliseconds.total()
        for milliseconds, count in sorted(self._milliseconds.items()):
            left -= count
            if left <= 0:
                return milliseconds
        return 0

    def share(self, kind):
        """The share of answered windows that came from this source."""
        answered = sum(self.kinds.values()) - self.kinds["refused"]
        return self.kinds[kind] / answered if answered else 0.0
