"""Keeps the dates of the sample events in events/ in the future: `python3 scripts/refresh_events.py`.

The tokens in events/ are signed with the sandbox's fixed test keys: one is valid until 2126, one expired in 2020.
"""

import json
from datetime import date, timedelta

import local

EVENTS = local.ROOT / "events"

# Less than a year: the sandbox, like Calendly, has slots there.
DAYS_AHEAD = 330
MIN_DAYS_AHEAD = 2
# The samples name only the first and the last day of their range.
RANGE_DAYS = 4


def refresh():
    """Moves the range of the samples by whole weeks if it is about to pass; returns whether it did."""
    event = json.loads((EVENTS / "check-availability-http-api.json").read_text())
    first = date.fromisoformat(event["queryStringParameters"]["start_time"][:10])
    days = (date.today() - first).days
    if days <= -MIN_DAYS_AHEAD:
        return False
    shift = timedelta(weeks=(days + DAYS_AHEAD) // 7)
    for path in EVENTS.glob("*.json"):
        text = path.read_text()
        for day in (first, first + timedelta(days=RANGE_DAYS)):
            text = text.replace(str(day), str(day + shift))
        path.write_text(text)
    return True


if __name__ == "__main__":
    refresh()
