"""The combinations of settings and traffic that docs/scale.md shows."""

import math

import deployment
from settings import Settings
from traffic import MONTH, PATTERNS, Traffic

# AvailabilityCacheSeconds, SharedCache and AvailabilityStaleSeconds of the template. Fresher and simpler ones first.
SETTINGS = {
    "off": Settings(),
    "15 s": Settings(fresh=15),
    "15 s, shared": Settings(fresh=15, has_table=True),
    "60 s, shared": Settings(fresh=60, has_table=True),
    "60 s, shared, stale 600 s": Settings(fresh=60, has_table=True, stale=600),
    "300 s, shared": Settings(fresh=300, has_table=True),
}

MONTHS = (1e3, 1e6, 1e9)

# Requests a second, even traffic.
LIMIT_RATES = (10, 100, 1_000, 3_000, 10_000)
LIMIT_SETTING = "60 s, shared"

# For even traffic of a billion requests a month.
EVENT_TYPES = (10, 100, 1_000)
PATS = 4
SHARED_SETTINGS = [setting for setting, it in SETTINGS.items() if it.has_table]

# `make check-figures` simulates again: traffic up to this many requests a month, and rows in which quota runs out.
CHECKED_MONTH = 1e6
CHECKED_EVENT_TYPES = 100
CHECKED_SETTING = "60 s, shared, stale 600 s"

# Above HIGH_RATE requests a second, HIGH_RATE_SECONDS are enough, or the time to live if it is longer.
HIGH_RATE_SECONDS = 60
HIGH_RATE = 100


def rows():
    """(table of the page, key, traffic, setting, options) of each row, the slowest first."""
    shown = [(a_month, pattern, setting) for a_month in MONTHS for pattern in PATTERNS for setting in SETTINGS]
    found = [("traffic", list(key), Traffic(key[0], key[1]), key[2], {}) for key in shown]
    for count in EVENT_TYPES:
        for pats, is_apart in ((1, False), (PATS, False), (PATS, True)):
            for setting in SHARED_SETTINGS:
                traffic = Traffic(1e9, event_types=count, pats=pats, is_apart=is_apart)
                found.append(("event_types", [count, pats, is_apart, setting], traffic, setting, {}))
    for rate in LIMIT_RATES:
        traffic = Traffic(rate * MONTH)
        found.append(("limits", [rate], traffic, LIMIT_SETTING, {"concurrency": math.inf}))
    return sorted(found, key=lambda row: -row[2].rate(0))


def result(row):
    """Simulates a row."""
    part, key, traffic, setting, options = row
    settings = SETTINGS[setting]
    min_seconds = deployment.MIN_SECONDS
    if traffic.rate(0) > HIGH_RATE:
        min_seconds = max(HIGH_RATE_SECONDS, settings.fresh)
    figures = deployment.simulate(settings, traffic, deployment.durations(), min_seconds=min_seconds, **options)
    return {"part": part, "key": key, **figures}


def checked_rows():
    """Rows that are quick to simulate, and exercise almost all rules of the model."""
    found = []
    for row in rows():
        part, _, traffic, setting, _ = row
        is_short = traffic.event_types == CHECKED_EVENT_TYPES and setting == CHECKED_SETTING
        if is_short or (part == "traffic" and traffic.a_month <= CHECKED_MONTH):
            found.append(row)
    return found
