"""One execution environment of check-availability: its cache, and its calls to the table and to Calendly.

Models the availability cache and the remote cache of the Rust code. Calendly answers 429 when the quota is used up and
200 otherwise. The table does not fail. Rules without an effect under these conditions are not modeled: no call takes
until its deadline, outlives its lease, or needs more retries than are allowed; and after a 429 all cached answers count
as fresh until the minute ends, so there is no backoff.
"""

import math
from collections import namedtuple

import windows
from settings import LOW_QUOTA_RATIO, MAX_CACHED, MAX_COALESCE_WAIT, MAX_REQUESTED_WAIT, POLL_INTERVAL

# Calendly's answer: its time, and the start of its range.
Answer = namedtuple("Answer", "as_of asked_from")
Question = namedtuple("Question", "pat event_type start end")
# The source of an answer, and the answer, `None` for REFUSED.
Outcome = namedtuple("Outcome", "kind answer")

MEMORY, TABLE, CALENDLY, STALE, REFUSED = "memory", "table", "calendly", "stale", "refused"
FRESH, STALE_IF_ERROR, EXPIRED = range(3)


class Environment:
    """Serves one request at a time. `secret_reads` receives the times at which it reads a PAT."""

    def __init__(self, simulation, settings, durations, calendly, table, secret_reads):
        self.simulation, self.settings, self.durations = simulation, settings, durations
        self.calendly, self.table = calendly, table
        self.secret_reads = secret_reads
        # {window: answer}, least recently used first.
        self._cache = {}
        # {PAT: (remaining share of its quota, end of the minute)}
        self._quotas = {}
        # {PAT: time at which it was read}
        self._pats = {}

    def answer(self, question):
        """Answers a request: a process that returns its `Outcome`."""
        began = self.simulation.now
        if began >= self._pats.get(question.pat, -math.inf) + self.settings.pat_ttl:
            self._pats[question.pat] = began
            self.secret_reads.append(began)
        yield self.simulation.timeout(self.durations.request)
        window = windows.aligned(question.start, self.simulation.now)
        if not self.settings.fresh:
            return outcome((yield from self._call(question.pat, window)))
        key = (question.pat, question.event_type, window.start)
        return (yield from self._cached(key, window))

    def _cached(self, key, window):
        """The cached answer, or that of `_load`, with the cached one as its fallback."""
        cached = self._get(key)
        if self._freshness(key, cached, window) == FRESH:
            return Outcome(MEMORY, cached)
        found = yield from self._load(key, window)
        if found.answer:
            self._store(key, found.answer)
            return found
        cached = self._cache.get(key)
        return found if self._freshness(key, cached, window) == EXPIRED else Outcome(STALE, cached)

    def _load(self, key, window):
        """Single flight across all environments."""
        has_lease = False
        if self.table:
            answer, has_lease = yield from self._coalesce(key, window)
            if answer and self._freshness(key, answer, window) == FRESH:
                return Outcome(TABLE, answer)
            if answer:
                self._store(key, answer)
        answer = yield from self._call(key[0], window)
        if answer and self.table:
            yield from self.table.put(key, answer)
        elif has_lease:
            yield from self.table.release(key)
        return outcome(answer)

    def _coalesce(self, key, window):
        """The table's answer, fresh or stale-if-error, and whether this environment acquired the lease."""
        began = self.simulation.now
        while True:
            item = yield from self.table.get(key)
            freshness = self._freshness(key, item.value, window)
            if freshness == FRESH:
                return item.value, False
            stale = item.value if freshness == STALE_IF_ERROR else None
            if not item.is_leased and (yield from self.table.take_lease(key)):
                return stale, True
            if self.simulation.now - began + 2 * POLL_INTERVAL > MAX_COALESCE_WAIT:
                return stale, False
            yield self.simulation.timeout(POLL_INTERVAL)

    def _call(self, pat, window):
        """Calendly's answer; `None` if it refuses and a retry would have to wait too long."""
        while True:
            now = self.simulation.now
            answer = Answer(now, window.asked_from(now))
            reply = yield from self.calendly.call(pat)
            self._quotas[pat] = reply.left, self.simulation.now + reply.reset
            if reply.is_ok:
                return answer
            if reply.reset > MAX_REQUESTED_WAIT:
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
        self._cache.pop(key, None)
        self._cache[key] = answer
        while len(self._cache) > MAX_CACHED:
            del self._cache[next(iter(self._cache))]

    def _get(self, key):
        cached = self._cache.pop(key, None)
        if cached is not None:
            self._cache[key] = cached
        return cached


def outcome(answer):
    """The outcome of a call of Calendly."""
    return Outcome(CALENDLY, answer) if answer else Outcome(REFUSED, None)
