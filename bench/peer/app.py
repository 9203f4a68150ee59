"""The three routes as a FastAPI application on AWS Lambda, for comparison with the Rust functions.

It validates tokens and parameters, caches the same values, and retries the same errors. It requests one window of at
most 31 days, and does not support the functions' other parameters.
"""

import functools
import json
import os
import re
import ssl
import time
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import boto3
import certifi
import jwt
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Depends, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt.exceptions import PyJWKClientConnectionError, PyJWKSetError
from mangum import Mangum
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

PAT_SECRET_ID = os.environ["CALENDLY_PAT_SECRET_ID"]
PAT_CACHE_SECONDS = int(os.environ.get("PAT_CACHE_SECONDS", "300"))
EVENT_TYPE_CACHE_SECONDS = int(os.environ.get("EVENT_TYPE_CACHE_SECONDS", "60"))
CALENDLY = os.environ.get("CALENDLY_BASE_URL", "https://api.calendly.com").rstrip("/")
CALENDLY_TIMEOUT_SECONDS = int(os.environ.get("CALENDLY_TIMEOUT_MS", "5000")) / 1000
CALENDLY_MAX_RETRIES = int(os.environ.get("CALENDLY_MAX_RETRIES", "2"))
ISSUER = os.environ["JWT_ISSUER"]
AUDIENCES = os.environ["JWT_AUDIENCE"].split(",")
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
EVENT_TYPE_URI = "https://api.calendly.com/event_types/"
MAX_RANGE = timedelta(days=31)
# The functions' minimum size for compression.
MIN_GZIP_BYTES = 1024
TLS_CONTEXT = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())

secrets_manager = boto3.client(
    "secretsmanager",
    region_name=os.environ["AWS_REGION"],
    config=Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}),
)


class Adapter(HTTPAdapter):
    """Shares one TLS context: requests would read the certificates for every connection."""

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, ssl_context=TLS_CONTEXT, **options)

    def cert_verify(self, conn, url, verify, cert):
        pass


def new_session():
    retries = Retry(
        total=CALENDLY_MAX_RETRIES,
        status_forcelist=(429, 502, 503, 504),
        backoff_factor=0.1,
        backoff_jitter=0.1,
        retry_after_max=2,
        raise_on_status=False,
    )
    session = requests.Session()
    # Do not read proxies and .netrc for every call.
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter(max_retries=retries))
    return session


session = new_session()


def cached(seconds):
    """Caches the results of a function by its arguments. Needs no lock: an environment serves one request at a time."""

    def decorate(function):
        values = {}

        @functools.wraps(function)
        def call(*arguments):
            until, value = values.get(arguments, (0.0, None))
            if time.monotonic() >= until:
                value = function(*arguments)
                values[arguments] = time.monotonic() + seconds, value
            return value

        return call

    return decorate


@functools.cache
def keys():
    """The issuer's keys; PyJWKClient fetches them when needed and caches them for five minutes."""
    url = f"{ISSUER.rstrip('/')}/.well-known/openid-configuration"
    response = session.get(url, timeout=3, allow_redirects=False)
    response.raise_for_status()
    return jwt.PyJWKClient(response.json()["jwks_uri"], timeout=3, ssl_context=TLS_CONTEXT)


def verify(token):
    try:
        jwt.decode(
            token,
            keys().get_signing_key_from_jwt(token),
            algorithms=ALGORITHMS,
            audience=AUDIENCES,
            issuer=ISSUER,
            leeway=60,
            options={"require": ["exp", "aud", "iss", "sub"]},
        )
    except (PyJWKClientConnectionError, PyJWKSetError, OSError, ValueError) as error:
        raise HTTPException(503, "The token issuer's keys could not be fetched.") from error
    except jwt.PyJWTError as error:
        raise unauthorized(f"The token is not valid: {error}") from error


def unauthorized(detail):
    return HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


@cached(PAT_CACHE_SECONDS)
def read_pat(secret_id):
    try:
        secret = secrets_manager.get_secret_value(SecretId=secret_id)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise HTTPException(503, "The Calendly token could not be read.") from error
    return (json.loads(secret)["pat"] if secret.startswith("{") else secret).strip()


def get(path, pat, query=None):
    """Calls Calendly's API. Raises `HTTPException` with Calendly's status, or 502 if there is no response."""
    headers = {"Authorization": f"Bearer {pat}", "Accept": "application/json"}
    try:
        response = session.get(
            CALENDLY + path,
            params=query,
            headers=headers,
            timeout=CALENDLY_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        body = json.loads(response.content)
    except (requests.RequestException, ValueError) as error:
        raise HTTPException(502, "Calendly gave no answer that can be used.") from error
    if response.status_code != 200:
        status = response.status_code if response.status_code >= 400 else 502
        raise HTTPException(status, {"message": "Calendly answered with an error.", "calendly": body})
    return body


@cached(PAT_CACHE_SECONDS)
def user_uri(pat):
    return get("/users/me", pat)["resource"]["uri"]


def event_types(pat, active=None):
    query = {"user": user_uri(pat), "count": "100", "sort": "name:asc", "active": active}
    while True:
        page = get("/event_types", pat, query)
        yield from page["collection"]
        query["page_token"] = page["pagination"]["next_page_token"]
        if query["page_token"] is None:
            return


@cached(EVENT_TYPE_CACHE_SECONDS)
def resolve_event_type(pat, slug):
    """(URI, minutes) of the bookable event type with this slug, or of the first one by name."""
    for row in event_types(pat, "true"):
        if row["active"] and row["booking_method"] == "instant" and slug in (None, row["slug"]):
            return row["uri"], row["duration"]
    raise HTTPException(404, "There is no such bookable event type.")


def parse_time(name, text, zone):
    """Parses a date-time with an offset, a local date-time in `zone`, or a date, which stands for the whole day."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=name == "end_time")
            return datetime(day.year, day.month, day.day, tzinfo=zone or timezone.utc).astimezone(timezone.utc)
        moment = datetime.fromisoformat(text.replace(" ", "+").replace("Z", "+00:00"))
        if moment.tzinfo is None and zone is None:
            raise ValueError("it has no offset: add one, or pass timezone")
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, f"{name} cannot be used: {error}") from error


def parse_zone(name):
    try:
        return name and ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise HTTPException(400, "timezone is not an IANA time zone name") from error


def utc(moment):
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


# The coroutines block on purpose: with one request at a time, threads would only add overhead.
async def authenticate(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
):
    if credentials is None:
        raise unauthorized("Send Authorization: Bearer and a token.")
    verify(credentials.credentials)


app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(authenticate)])
app.add_middleware(GZipMiddleware, minimum_size=MIN_GZIP_BYTES)


@app.get("/calendly/user")
async def get_user():
    return JSONResponse({"uri": user_uri(read_pat(PAT_SECRET_ID))})


@app.get("/calendly/user-event-types")
async def get_event_types(active: Literal["true", "false"] | None = None):
    return JSONResponse(list(event_types(read_pat(PAT_SECRET_ID), active)))


@app.get("/calendly/check-availability")
async def check_availability(
    start_time: str, end_time: str, event_type: str | None = None, timezone: str | None = None
):
    zone = parse_zone(timezone)
    start, end = parse_time("start_time", start_time, zone), parse_time("end_time", end_time, zone)
    now = datetime.now(start.tzinfo)
    start = max(start, now.replace(microsecond=0) + timedelta(seconds=61))
    if not start < end <= start + MAX_RANGE:
        raise HTTPException(400, "end_time is not after start_time, or more than 31 days after it")
    pat, minutes = read_pat(PAT_SECRET_ID), None
    if event_type is None or not event_type.startswith(EVENT_TYPE_URI):
        event_type, minutes = resolve_event_type(pat, event_type)
    elif not re.fullmatch(r"[\w-]+", event_type.removeprefix(EVENT_TYPE_URI)):
        raise HTTPException(400, "event_type is not the URI of an event type")
    query = {"event_type": event_type, "start_time": utc(start), "end_time": utc(end)}
    slots = sorted(get("/event_type_available_times", pat, query)["collection"], key=lambda slot: slot["start_time"])
    for slot in slots if zone else ():
        local = datetime.fromisoformat(slot["start_time"].replace("Z", "+00:00")).astimezone(zone)
        slot["local_start_time"] = local.isoformat()
        if minutes:
            slot["local_end_time"] = (local + timedelta(minutes=minutes)).isoformat()
    return JSONResponse(
        {
            "collection": slots,
            "available": any(slot["status"] == "available" for slot in slots),
            "event_type": event_type,
            "start_time": utc(start),
            "end_time": utc(end),
        }
    )


@app.exception_handler(RequestValidationError)
async def bad_request(_, error):
    problem = error.errors()[0]
    return JSONResponse({"detail": f"{problem['loc'][-1]}: {problem['msg']}"}, 400)


adapter = Mangum(app, lifespan="off")
requests_so_far = 0


def handler(event, context):
    """Lambda's entry point. Logs one line per request."""
    global requests_so_far
    requests_so_far += 1
    started = time.perf_counter()
    answer = adapter(event, context)
    line = {
        "level": "INFO",
        "message": "request",
        "request_id": context.aws_request_id,
        "path": event.get("rawPath"),
        "status": answer["statusCode"],
        "duration_ms": round((time.perf_counter() - started) * 1000, 3),
        "cold_start": requests_so_far == 1,
    }
    print(json.dumps(line))
    return answer
