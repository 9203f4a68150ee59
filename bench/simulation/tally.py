"""What came of the requests of a simulation."""

from collections import Counter

OK, TOO_MANY_REQUESTS = 200, 429


class Tally:
    """Counts requests that came at `since` or later."""

    def __init__(self):
        self.since = 0
        self.statuses = Counter()
        self.kinds = Counter()
        self.waits = 0
        self.cold_starts = 0
        # Of the answers, and the seconds that environments worked or waited.
        self.ages = 0.0
        self.served_seconds = 0.0
        # Answers by the milliseconds that they took.
        self._milliseconds = Counter()

    @property
    def requests(self):
        return sum(self.statuses.values())

    @property
    def mean_age(self):
        return self.ages / self.statuses[OK] if self.statuses[OK] else 0.0

    def refuse(self, came, status):
        """A request that no environment took."""
        if came >= self.since:
            self.statuses[status] += 1

    def add(self, came, outcome, ended, began, cold_start):
        """A request that came then and was served from `began` to `ended`."""
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
        """The milliseconds that this part of the answers did not take longer than."""
        left = part * self._milliseconds.total()
        for milliseconds, count in sorted(self._milliseconds.items()):
            left -= count
            if left <= 0:
                return milliseconds
        return 0

    def share(self, kind):
        """Of the windows that were answered."""
        answered = sum(self.kinds.values()) - self.kinds["refused"]
        return self.kinds[kind] / answered if answered else 0.0
