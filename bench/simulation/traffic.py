"""Who asks when and what. All of it is assumed; the figures of an operator's own traffic have the last word."""

import math
import random
from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

import windows
from environment import Question

# AWS's calculator counts months of 730 hours.
MONTH = 730 * windows.HOUR

# A Wednesday, noon. Only the day of the week matters, and whether the hour is over soon.
BEGINNING = 1_796_212_800

# Where callers are, in hours from UTC: California, New York, London, Berlin.
ZONES = (-8, -5, 0, 1)

# Calendars begin today or on one of the days after it, the nth day with the weight 1/n.
DAYS_AHEAD = 60

# They show a day, a week or a fortnight.
LENGTHS = (1, 7, 14)

# A mailing brings so much of a month's requests on top, half of them within this many seconds.
MAILING_SHARE = 0.01
MAILING_HALF = 15 * 60

# The patterns, by the requests a second at a moment after the beginning, in parts of the month's mean.
PATTERNS = {
    "even": lambda moment: 1.0,
    # Nothing at night, and twice the mean at the busiest moment, which this begins with.
    "daily": lambda moment: 1 + math.cos(2 * math.pi * moment / windows.DAY),
    # As even, until the mailing is sent.
    "mailing": lambda moment: 1.0 if moment < 0 else 1.0 + mailing(moment),
}


def mailing(moment):
    """What a mailing adds, in parts of the month's mean."""
    decay = math.log(2) / MAILING_HALF
    return MAILING_SHARE * MONTH * decay * math.exp(-decay * moment)


class Zipf:
    """The nth of `count` with a weight of 1/n."""

    def __init__(self, count):
        self._sums = list(accumulate(1 / number for number in range(1, count + 1)))

    def draw(self, random):
        """From 0 on."""
        return bisect(self._sums, random.random() * self._sums[-1])


@dataclass(frozen=True)
class Traffic:
    """`a_month` requests about `event_types`, the nth with the weight 1/n."""

    a_month: float
    pattern: str = "even"
    event_types: int = 10
    lengths: tuple = LENGTHS
    # Each PAT of a Calendly user of its own; callers are spread over them.
    pats: int = 1
    # Whether each PAT has event types of its own. Otherwise callers with any PAT ask about any event type.
    is_apart: bool = False

    def rate(self, moment):
        """Requests a second, so long after the beginning."""
        return self.a_month / MONTH * PATTERNS[self.pattern](moment)

    def arrivals(self, lead, span):
        """(moment, question) of each request from `lead` seconds before the beginning to `span` after it."""
        drawn = random.Random(f"{self} {lead} {span}")
        event_types, days = Zipf(self.event_types), Zipf(DAYS_AHEAD)
        # Thinning: no pattern is busier than just before and just after the beginning, and less busy is who leaves
        # some out.
        for moment, until, peak in ((-lead, 0, self.rate(-0.001)), (0, span, self.rate(0))):
            while (moment := moment + drawn.expovariate(peak)) < until:
                if drawn.random() * peak < self.rate(moment):
                    yield (BEGINNING + moment, self._question(BEGINNING + moment, event_types, days, drawn))

    def _question(self, now, event_types, days, drawn):
        event_type = event_types.draw(drawn)
        pat = event_type % self.pats if self.is_apart else int(drawn.random() * self.pats)
        offset = ZONES[int(drawn.random() * len(ZONES))] * windows.HOUR
        today = int((now + offset) // windows.DAY) * windows.DAY - offset
        start = today + days.draw(drawn) * windows.DAY
        end = start + self.lengths[int(drawn.random() * len(self.lengths))] * windows.DAY
        # Nobody asks about a day that is nearly over.
        return Question(pat, event_type, start, max(end, int(now) + windows.HOUR))
