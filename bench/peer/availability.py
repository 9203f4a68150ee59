"""The open times of one event type in a range that may be longer than Calendly answers at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fastapi import HTTPException

import calendly
import settings
from connections import IN_FLIGHT
from kept import Kept

LONGEST_RANGE = timedelta(days=366)
LONGEST_WINDOW = timedelta(days=31)
EVENT_TYPE_URI = "https://api.calendly.com/event_types/"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_choices = Kept(settings.EVENT_TYPE_CACHE_SECONDS)
_threads = ThreadPoolExecutor(IN_FLIGHT)


class Choice(NamedTuple):
    """An event type, and how long its meetings last where that is known."""

    uri: str
    duration: timedelta | None


class Parameters(NamedTuple):
    """What a caller asks for: an event type's URI or slug, or the default, in a range in UTC."""

    event_type: str | None
    zone: ZoneInfo | None
    start_time: datetime
    end_time: datetime


def parse(start_time, end_time, event_type, zone_name):
    """Raises `HTTPException` 400 for a parameter that is wrong."""
    zone = _zone(zone_name)
    start, end = _range(_moment(start_time, zone), _moment(end_time, zone, is_end=True))
    if event_type and UUID.fullmatch(event_type):
        event_type = EVENT_TYPE_URI + event_type
    elif event_type and ("/" in event_type or ":" in event_type):
        if not re.fullmatch(re.escape(EVENT_TYPE_URI) + "[A-Za-z0-9_-]+", event_type):
            raise HTTPException(400, "event_type is not the URI of an event type")
    return Parameters(event_type, zone, start, end)


def answer(pat, parameters):
    event_type, zone, start, end = parameters
    choice = _choose(pat, event_type)
    slots = _slots(pat, choice.uri, start, end)
    if zone:
        for slot in slots:
            local = datetime.fromisoformat(slot["start_time"].replace("Z", "+00:00"))
            slot["local_start_time"] = local.astimezone(zone).isoformat()
            if choice.duration:
                slot["local_end_time"] = (local + choice.duration).astimezone(zone).isoformat()
    return {
        "collection": slots,
        "available": any(slot["status"] == "available" for slot in slots),
        "event_type": choice.uri,
        "start_time": _utc(start),
        "end_time": _utc(end),
    }


def _choose(pat, event_type):
    """The event type that is meant; one that must be looked up is kept for a while."""
    if event_type and event_type.startswith(EVENT_TYPE_URI):
        return Choice(event_type, None)
    choice = _choices.get((pat, event_type))
    if choice is None:
        choice = _look_up(pat, event_type)
        _choices.keep((pat, event_type), choice)
    return choice


def _look_up(pat, slug):
    """The first bookable event type by name, or the one with this slug."""
    for row in calendly.event_types(pat, "true"):
        is_bookable = row["active"] and not row["deleted_at"] and row["booking_method"] == "instant"
        if is_bookable and slug in (None, row["slug"]):
            return Choice(row["uri"], timedelta(minutes=row["duration"]) if row["duration"] else None)
    raise HTTPException(404, "There is no such bookable event type.")


def _slots(pat, event_type, start, end):
    """All open times, ascending, none twice. If one window fails all do."""
    starts = [start]
    while starts[-1] + LONGEST_WINDOW < end:
        starts.append(starts[-1] + LONGEST_WINDOW)

    def ask(window):
        until = min(window + LONGEST_WINDOW, end)
        return calendly.available_times(pat, event_type, _utc(window), _utc(until))

    windows = [ask(start)] if len(starts) == 1 else _threads.map(ask, starts)
    slots = {slot["start_time"]: slot for window in windows for slot in window}
    return [slots[start_time] for start_time in sorted(slots)]


def _zone(name):
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    # A name that is not there is a `KeyError`, one that could be another file's a `ValueError`.
    except (KeyError, ValueError, OSError) as error:
        raise HTTPException(400, "timezone is not an IANA time zone name") from error


def _moment(text, zone, is_end=False):
    """A date-time with an offset, one without in `zone`, or a date, which means its whole day."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=is_end)
            return datetime.combine(day, time.min, zone or timezone.utc).astimezone(timezone.utc)
        # A + that was not percent-encoded arrives as a space.
        clock = text[11:].upper().replace(" ", "+").replace("Z", "+00:00")
        moment = datetime.fromisoformat(text[:11] + clock)
        if moment.tzinfo is None:
            if zone is None:
                raise ValueError("it has no offset: add one, or pass timezone")
            local = moment
            moment = moment.replace(tzinfo=zone, fold=is_end).astimezone(timezone.utc)
            if moment.astimezone(zone).replace(tzinfo=None) != local:
                raise ValueError("the clocks skip it")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        name = "end_time" if is_end else "start_time"
        raise HTTPException(400, f"{name} cannot be used: {error}") from error


def _range(start, end):
    """The range that can be asked for. A start in the past becomes one minute from now."""
    now = datetime.now(timezone.utc)
    in_a_minute = (now + timedelta(seconds=61)).replace(microsecond=0)
    if start <= now + timedelta(seconds=2):
        start = in_a_minute
    if end <= max(start, in_a_minute):
        raise HTTPException(400, "end_time is not after start_time, or not in the future")
    if end - start > LONGEST_RANGE:
        raise HTTPException(400, "end_time is more than 366 days after start_time")
    return start, end


def _utc(moment):
    fraction = "auto" if moment.microsecond % 1000 else "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=fraction).replace("+00:00", "Z")
