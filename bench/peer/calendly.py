"""Calls to Calendly's API v2. Each raises `HTTPException`: Calendly's status, or 502 without an answer."""

import json

import requests
from fastapi import HTTPException

import settings
from connections import session
from kept import Kept

_users = Kept(settings.PAT_CACHE_SECONDS)


def user_uri(pat):
    """The URI of the PAT's user, kept as long as the PAT is."""
    uri = _users.get(pat)
    if uri is None:
        uri = _get("/users/me", pat)["resource"]["uri"]
        _users.keep(pat, uri)
    return uri


def event_types(pat, active=None):
    """The user's event types by name. A page is asked for when the one before it is used up."""
    query = {"user": user_uri(pat), "count": "100", "sort": "name:asc", "active": active}
    while True:
        page = _get("/event_types", pat, query)
        yield from page["collection"]
        query["page_token"] = page["pagination"]["next_page_token"]
        if query["page_token"] is None:
            return


def available_times(pat, event_type, start_time, end_time):
    """The open times of a range of at most 31 days."""
    query = {"event_type": event_type, "start_time": start_time, "end_time": end_time}
    return _get("/event_type_available_times", pat, query)["collection"]


def _get(path, pat, query=None):
    try:
        response = session.get(
            settings.CALENDLY_BASE_URL + path,
            params=query,
            headers={"Authorization": f"Bearer {pat}"},
            timeout=settings.CALENDLY_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        # Not response.json(), which prefers the slower simplejson where that is installed.
        body = json.loads(response.content)
    except (requests.RequestException, ValueError) as error:
        raise HTTPException(502, "Calendly gave no answer that can be used.") from error
    if response.status_code != 200:
        status = response.status_code if response.status_code >= 400 else 502
        raise HTTPException(status, {"message": "Calendly answered with an error.", "calendly": body})
    return body
