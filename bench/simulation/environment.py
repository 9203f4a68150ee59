"""One execution environment of check-availability: its cache, and its calls to the table and to Calendly.

Models the availability cache and the remote cache of the Rust code. Calendly answers 429 when the quota is used
up and 200 otherwise. The table does not fail.
"""

from collections import namedtuple

import windows
from settings import LEASE_DURATION, LOW_QUOTA_RATIO, MAX_BACKOFF, MAX_CACHED, MAX_COALESCE_WAIT, MAX_IN_FLIGHT
from settings import MAX_REQUESTED_WAIT, MIN_ATTEMPT, MIN_BACKOFF, POLL_INTERVAL, RESERVE, TIMEOUT_WITH_STALE

# Calendly's answer: its time, and the start of its range.
Answer = namedtuple("Answer", "as_of asked_from")
Question = namedtuple("Question", "pat event_type start end")
# The source of one window's answer, and the answer, `None` for REFUSED.
Part = namedtuple("Part", "kind answer")

MEMORY, TABLE, CALENDLY, STALE, REFUSED = "memory", "table", "calendly", "stale", "refused"
FRESH, STALE_IF_ERROR, EXPIRED = range(3)


class Outcome(namedtuple("Outcome", "kinds as_of waited")):
    """The sources of a request's windows, the time of the oldest one, and whether the request waited for a lease."""

    @property
    def is_refused(self):
        return REFUSED in self.kinds


class Environment:
    """Serves one request at a time."""

    def __init__(self, simulation, settings, durations, calendly, table):
        self.simulation, self.settings, self.durations = simulation, settings, durations
        self.calendly, self.table = calendly, table
        self.secret_reads = []
        # {window: answer}, least recently used first.
        self._cache = {}
        # {window: (consecutive failures, end of the backoff)}
        self._failures = {}
        # {PAT: (remaining share of its quota, end of the minute)}
        self._quotas = {}
        self._pat_reads = {}
        self._waited = False

    def answer(self, question):
        """Answers a request: a process that returns its `Outcome`."""
        began = self.simulation.now
        self._waited = False
        self._read_pat(question.pat)
        yield self.simulation.timeout(self.durations.request)
        now = self.simulation.now
        divide = windows.shared if self.settings.fresh else windows.parts
        deadline = began + self.settings.timeout - RESERVE
        calls = [self._window(question, one, deadline) for one in divide(question.start, question.end, now)]
        parts = []
        for first in range(0, len(calls), MAX_IN_FLIGHT):
            parts += yield from self._together(calls[first : first + MAX_IN_FLIGHT])
        as_of = min((part.answer.as_of for part in parts if part.answer), default=now)
        return Outcome([part.kind for part in parts], as_of, self._waited)

    def _read_pat(self, pat):
        now = self.simulation.now
        if pat not in self._pat_reads or now >= self._pat_reads[pat] + self.settings.pat_ttl:
            self._pat_reads[pat] = now
            self.secret_reads.append(now)

    def _together(self, calls):
        if len(calls) == 1:
            return [(yield from calls[0])]
        processes = [self.simulation.process(call) for call in calls]
        yield self.simulation.all_of(processes)
        return [process.value for process in processes]

    def _window(self, question, window, deadline):
        if not self.settings.fresh:
            answer = yield from self._call(question.pat, window, deadline, None)
            return Part(CALENDLY, answer) if answer else Part(REFUSED, None)
        key = (question.pat, question.event_type, window.start)
        cached = self._get(key)
        freshness = self._freshness(key, cached, window)
        if freshness == FRESH:
            return Part(MEMORY, cached)
        failures, not_before = self._failures.get(key, (0, 0))
        if freshness == STALE_IF_ERROR and self.simulation.now < not_before:
            return Part(STALE, cached)
        limit = TIMEOUT_WITH_STALE if freshness == STALE_IF_ERROR else None
        part = yield from self._load(key, window, deadline, limit)
        if part.answer:
            self._failures.pop(key, None)
            self._store(key, part.answer)
            return part
        backoff = min(MIN_BACKOFF * 2**failures, MAX_BACKOFF)
        self._failures[key] = failures + 1, self.simulation.now + backoff
        cached = self._cache.get(key)
        return part if self._freshness(key, cached, window) == EXPIRED else Part(STALE, cached)

    def _load(self, key, window, deadline, limit):
        """Single flight across all environments."""
        lease = None
        if self.table:
            answer, lease = yield from self._coalesce(key, window, deadline)
            if answer and self._freshness(key, answer, window) == FRESH:
                return Part(TABLE, answer)
            if answer:
                self._store(key, answer)
                limit = TIMEOUT_WITH_STALE
        answer = yield from self._call(key[0], window, deadline, limit)
        if answer and self.table:
            yield from self.table.put(key, answer)
        elif lease:
            yield from self.table.release(key, lease)
        return Part(CALENDLY, answer) if answer else Part(REFUSED, None)

    def _coalesce(self, key, window, deadline):
        """The table's answer, fresh or stale-if-error, and the lease if this environment acquired it."""
        began = self.simulation.now
        wait = min(MAX_COALESCE_WAIT, max(0, deadline - began) / 2)
        while True:
            item = yield from self.table.get(key)
            freshness = self._freshness(key, item.value, window)
            if freshness == FRESH:
                return item.value, None
            stale = item.value if freshness == STALE_IF_ERROR else None
            now = self.simulation.now
            if item.lease is None or not now < item.lease <= now + LEASE_DURATION + 0.5:
                until = now + LEASE_DURATION
                if (yield from self.table.take_lease(key, item.lease, until)):
                    return stale, until
            if self.simulation.now - began + 2 * POLL_INTERVAL > wait:
                return stale, None
            self._waited = True
            yield self.simulation.timeout(POLL_INTERVAL)

    def _call(self, pat, window, deadline, limit):
        """Calendly's answer; `None` if it refuses and no time is left for a retry."""
        began = self.simulation.now
        attempts = 0
        while True:
            now = self.simulation.now
            answer = Answer(now, window.asked_from(now))
            reply = yield from self.calendly.call(pat)
            now = self.simulation.now
            self._quotas[pat] = reply.left, now + reply.reset
            if reply.is_ok:
                return answer
            attempts += 1
            if attempts > self.settings.retries or reply.reset > MAX_REQUESTED_WAIT:
                return None
            if reply.reset + MIN_ATTEMPT > deadline - now:
                return None
            if limit is not None and now + reply.reset > began + limit:
                yield self.simulation.timeout(max(0, began + limit - now))
                return None
            yield self.simulation.timeout(reply.reset)

    def _freshness(self, key, answer, window):
        if answer is None or answer.asked_from > window.wanted_from:
            return EXPIRED
        age = self.simulation.now - answer.as_of
        fresh, stale = self.settings.fresh, self.settings.stale
        if age < fresh + stale * self._shortage(key[0]):
            return FRESH
        return STALE_IF_ERROR if age < fresh + stale else EXPIRED

    def _shortage(self, pat):
        """From 0 (enough quota is left) to 1 (none is left)."""
        left, until = self._quotas.get(pat, (1, 0))
        return 0 if self.simulation.now >= until else min(max(1 - left / LOW_QUOTA_RATIO, 0), 1)

    def _store(self, key, answer):
        """Caches an answer unless a newer one is cached."""
        cached = self._get(key)
        if cached is None or cached.as_of <= answer.as_of:
            self._cache[key] = answer
        while len(self._cache) > MAX_CACHED:
            del self._cache[next(iter(self._cache))]

    def _get(self, key):
        cached = self._cache.pop(key, None)
        if cached is not None:
            self._cache[key] = cached
        return cached
