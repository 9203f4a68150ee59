"""One environment of check-availability: what it keeps, and how it comes by what it does not have.

The rules are those of shared/src/calendly/kept_times.rs, shared/src/cache/cell.rs and shared/src/table/shared.rs.
Calendly refuses when its allowance is used up and otherwise answers; the table does not fail.
"""

from collections import namedtuple

import windows
from settings import (
    FIRST_BACK_OFF,
    HURRY,
    IN_FLIGHT,
    LEASE,
    LONGEST_BACK_OFF,
    MOST_KEPT,
    PATIENCE,
    PLENTY,
    POLL,
    RESERVE,
    SHORTEST_TRY,
)

# What Calendly said: when, and from which moment on.
Answer = namedtuple("Answer", "as_of asked_from")

Question = namedtuple("Question", "pat event_type start end")

# How one window came; `answer` is None if it did not.
Come = namedtuple("Come", "kind answer")

MEMORY, TABLE, CALENDLY, STALE, REFUSED = "memory", "table", "calendly", "stale", "refused"

# What a kept answer is good for.
YOUNG, LAST_RESORT, NOTHING = range(3)


class Outcome(namedtuple("Outcome", "kinds as_of waited")):
    """Of a request: how its windows came, since when the oldest was true, and whether others were waited for."""

    @property
    def is_refused(self):
        return REFUSED in self.kinds


class Environment:
    """It has one request at a time."""

    def __init__(self, simulation, settings, durations, calendly, table):
        self.simulation = simulation
        self.settings = settings
        self.durations = durations
        self.calendly = calendly
        self.table = table
        self.secret_reads = []
        # {window: answer}, the one that was not used for longest first.
        self._kept = {}
        # {window: (failures in a row, until when Calendly is left alone)}
        self._failures = {}
        # {PAT: (the part of its calls that is left, until when)}
        self._said = {}
        self._pats_read = {}
        self._has_waited = False

    def answer(self, question):
        """Answers a request, as a process that ends with its [`Outcome`]."""
        began = self.simulation.now
        self._has_waited = False
        self._read_pat(question.pat)
        yield self.simulation.timeout(self.durations.request)
        now = self.simulation.now
        divide = windows.shared if self.settings.fresh else windows.parts
        parts = divide(question.start, question.end, now)
        deadline = began + self.settings.timeout - RESERVE
        calls = [self._window(question, part, deadline) for part in parts]
        come = []
        for first in range(0, len(calls), IN_FLIGHT):
            come += yield from self._together(calls[first : first + IN_FLIGHT])
        as_of = min((it.answer.as_of for it in come if it.answer), default=now)
        return Outcome([it.kind for it in come], as_of, self._has_waited)

    def _read_pat(self, pat):
        now = self.simulation.now
        if now >= self._pats_read.get(pat, -1) + self.settings.pat_kept or pat not in self._pats_read:
            self._pats_read[pat] = now
            self.secret_reads.append(now)

    def _together(self, calls):
        if len(calls) == 1:
            return [(yield from calls[0])]
        processes = [self.simulation.process(call) for call in calls]
        yield self.simulation.all_of(processes)
        return [process.value for process in processes]

    def _window(self, question, window, deadline):
        if not self.settings.fresh:
            answer = yield from self._ask(question.pat, window, deadline, None)
            return Come(CALENDLY, answer) if answer else Come(REFUSED, None)
        name = (question.pat, question.event_type, window.start)
        kept = self._use(name)
        good_for = self._judge(name, kept, window)
        if good_for == YOUNG:
            return Come(MEMORY, kept)
        failures, not_before = self._failures.get(name, (0, 0))
        if good_for == LAST_RESORT and self.simulation.now < not_before:
            return Come(STALE, kept)
        limit = HURRY if good_for == LAST_RESORT else None
        come = yield from self._fetch(name, window, deadline, limit)
        if come.answer:
            self._failures.pop(name, None)
            self._offer(name, come.answer)
            return come
        wait = min(FIRST_BACK_OFF * 2**failures, LONGEST_BACK_OFF)
        self._failures[name] = failures + 1, self.simulation.now + wait
        kept = self._kept.get(name)
        if self._judge(name, kept, window) != NOTHING:
            return Come(STALE, kept)
        return come

    def _fetch(self, name, window, deadline, limit):
        """What comes of a flight over all environments."""
        lease = None
        if self.table:
            answer, lease = yield from self._flight(name, window, deadline)
            if answer and self._judge(name, answer, window) == YOUNG:
                return Come(TABLE, answer)
            if answer:
                self._offer(name, answer)
                limit = HURRY
        answer = yield from self._ask(name[0], window, deadline, limit)
        if answer and self.table:
            yield from self.table.put(name, answer)
        elif lease:
            yield from self.table.release(name, lease)
        return Come(CALENDLY, answer) if answer else Come(REFUSED, None)

    def _flight(self, name, window, deadline):
        """An answer of somebody else's, and the lease if it is to be asked for here and others shall wait."""
        began = self.simulation.now
        patience = min(PATIENCE, max(0, deadline - began) / 2)
        while True:
            item = yield from self.table.get(name)
            if item.value and self._judge(name, item.value, window) == YOUNG:
                return item.value, None
            older = item.value if self._judge(name, item.value, window) == LAST_RESORT else None
            now = self.simulation.now
            if item.lease is None or not now < item.lease <= now + LEASE + 0.5:
                until = now + LEASE
                if (yield from self.table.take_lease(name, item.lease, until)):
                    return older, until
            if self.simulation.now - began + 2 * POLL > patience:
                return older, None
            self._has_waited = True
            yield self.simulation.timeout(POLL)

    def _ask(self, pat, window, deadline, limit):
        """Calendly's answer; None where it refuses and the wait for another try does not fit."""
        began = self.simulation.now
        tries = 0
        while True:
            now = self.simulation.now
            answer = Answer(now, window.asked_from(now))
            reply = yield from self.calendly.call(pat)
            now = self.simulation.now
            self._said[pat] = reply.left, now + reply.reset
            if reply.is_ok:
                return answer
            tries += 1
            if tries > self.settings.retries or reply.reset + SHORTEST_TRY > deadline - now:
                return None
            if limit is not None and now + reply.reset > began + limit:
                yield self.simulation.timeout(max(0, began + limit - now))
                return None
            yield self.simulation.timeout(reply.reset)

    def _judge(self, name, answer, window):
        if answer is None or answer.asked_from > window.wanted_from:
            return NOTHING
        age = self.simulation.now - answer.as_of
        fresh, stale = self.settings.fresh, self.settings.stale
        if age < fresh + stale * self._shortage(name[0]):
            return YOUNG
        return LAST_RESORT if age < fresh + stale else NOTHING

    def _shortage(self, pat):
        """How short calls are, as far as is known: from 0, plenty, to 1, none left."""
        left, until = self._said.get(pat, (1, 0))
        if self.simulation.now >= until:
            return 0
        return min(max(1 - left / PLENTY, 0), 1)

    def _offer(self, name, answer):
        """Keeps an answer unless a younger one is kept."""
        kept = self._use(name)
        if kept is None or kept.as_of <= answer.as_of:
            self._kept[name] = answer
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _use(self, name):
        """What is kept, if anything is, which then goes last."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._kept[name] = kept
        return kept
