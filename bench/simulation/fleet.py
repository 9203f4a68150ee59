"""The environments of a function, and the dispatch of requests to them."""

import math
from collections import deque


class Fleet:
    """Environments of one function, each with one request at a time.

    `make` creates an environment, which takes `cold_start` seconds. At most `max_environments` exist at a time. Further
    requests wait if `may_wait` is set, as in the load test; otherwise they are throttled, as by Lambda. An environment
    that is idle for `idle_timeout` seconds ends, unless only `min_warm` are left, which warm-ups keep alive.
    """

    def __init__(
        self,
        simulation,
        make,
        max_environments,
        tally,
        *,
        cold_start=0,
        may_wait=False,
        idle_timeout=math.inf,
        min_warm=0,
    ):
        self.simulation = simulation
        self.make = make
        self.max_environments = max_environments
        self.tally = tally
        self.cold_start = cold_start
        self.may_wait = may_wait
        self.idle_timeout = idle_timeout
        self.min_warm = min_warm
        self.environments = 0
        # The highest number of environments that were busy at the same time.
        self.max_busy = 0
        # (environment, idle since), longest idle first.
        self._idle = deque()
        self._waiting = deque()

    def start(self, count):
        """Starts environments before the first request."""
        for _ in range(count):
            self._idle.append((self._new(), self.simulation.now))

    def arrive(self, question):
        """Takes a request."""
        self._remove_old()
        arrived = self.simulation.now
        if self._idle:
            environment, _ = self._take()
            self.simulation.process(self._serve(environment, question, arrived, 0))
        elif self.environments < self.max_environments:
            self.simulation.process(self._serve(self._new(), question, arrived, self.cold_start))
        elif self.may_wait:
            self._waiting.append((question, arrived))
        else:
            self.tally.throttle(arrived)

    def _serve(self, environment, question, arrived, cold_start):
        if arrived >= self.tally.since:
            self.max_busy = max(self.max_busy, self.environments - len(self._idle))
        if cold_start:
            yield self.simulation.timeout(cold_start)
        while True:
            began = self.simulation.now
            outcome = yield from environment.answer(question)
            self.tally.add(arrived, outcome, self.simulation.now, began, cold_start)
            cold_start = 0
            if not self._waiting:
                break
            question, arrived = self._waiting.popleft()
        self._idle.append((environment, self.simulation.now))

    def _take(self):
        # The load test is round-robin. Lambda does not document its choice; most recently used lets the others expire.
        return self._idle.popleft() if self.may_wait else self._idle.pop()

    def _new(self):
        self.environments += 1
        return self.make()

    def _remove_old(self):
        while self._idle and self.environments > self.min_warm:
            _, since = self._idle[0]
            if self.simulation.now - since < self.idle_timeout:
                break
            self._idle.popleft()
            self.environments -= 1
