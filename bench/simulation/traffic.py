"""Arrivals and parameters of requests. All of them are assumptions: measure your own traffic if you can."""

import math
import random
from dataclasses import dataclass
from itertools import accumulate

import windows
from environment import Question

# As in AWS's pricing calculator.
MONTH = 730 * windows.HOUR

# A Wednesday, noon.
BEGINNING = 1_796_212_800

# UTC offsets of callers: California, New York, London, Berlin.
ZONES = (-8, -5, 0, 1)

# Calendars begin on one of this many days, starting today; the nth day has the weight 1/n.
DAYS_AHEAD = 60

# Days that a calendar shows.
LENGTHS = (1, 7, 14)

# A mailing adds this share of a month's requests, half of them within MAILING_HALF seconds.
MAILING_SHARE = 0.01
MAILING_HALF = 15 * 60

# Requests a second by the time since BEGINNING, relative to the month's mean.
PATTERNS = {
    "even": lambda moment: 1.0,
    # Starts at the peak, twice the mean.
    "daily": lambda moment: 1 + math.cos(2 * math.pi * moment / windows.DAY),
    # The mailing is sent at BEGINNING.
    "mailing": lambda moment: 1.0 if moment < 0 else 1.0 + mailing(moment),
}


def mailing(moment):
    """The requests a second that a mailing adds, relative to the month's mean."""
    decay = math.log(2) / MAILING_HALF
    return MAILING_SHARE * MONTH * decay * math.exp(-decay * moment)


def zipf(count):
    """The cumulative weights of `count` items; the nth has the weight 1/n."""
    return list(accumulate(1 / number for number in range(1, count + 1)))


@dataclass(frozen=True)
class Traffic:
    """`a_month` requests about `event_types`; the nth has the weight 1/n."""

    a_month: float
    pattern: str = "even"
    event_types: int = 10
    lengths: tuple = LENGTHS
    # Callers are spread over the PATs. Each PAT belongs to one Calendly user.
    pats: int = 1
    # Whether each PAT has its own event types. Otherwise all callers request all event types.
    is_apart: bool = False

    def rate(self, moment):
        """Requests a second at a time since BEGINNING."""
        return self.a_month / MONTH * PATTERNS[self.pattern](moment)

    def arrivals(self, lead, span):
        """(time, question) of each request from `lead` seconds before BEGINNING to `span` after it."""
        drawn = random.Random(f"{self} {lead} {span}")
        event_types, days = zipf(self.event_types), zipf(DAYS_AHEAD)
        # Thinning: draw at the peak rate and drop requests above the current rate.
        for moment, until, peak in ((-lead, 0, self.rate(-0.001)), (0, span, self.rate(0))):
            while (moment := moment + drawn.expovariate(peak)) < until:
                if drawn.random() * peak < self.rate(moment):
                    yield (BEGINNING + moment, self._question(BEGINNING + moment, event_types, days, drawn))

    def _question(self, now, event_types, days, drawn):
        [event_type] = drawn.choices(range(self.event_types), cum_weights=event_types)
        pat = event_type % self.pats if self.is_apart else int(drawn.random() * self.pats)
        [zone] = drawn.choices(ZONES)
        today = int((now + zone * windows.HOUR) // windows.DAY) * windows.DAY - zone * windows.HOUR
        [days_ahead] = drawn.choices(range(DAYS_AHEAD), cum_weights=days)
        [length] = drawn.choices(self.lengths)
        start = today + days_ahead * windows.DAY
        return Question(pat, event_type, start, start + length * windows.DAY)
