"""The three routes as a FastAPI application on AWS Lambda: what the Rust functions are measured against."""

import json
import time
from typing import Annotated, Literal

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from mangum import Mangum

import availability
import calendly
import pat
import tokens


# The endpoints block, and are coroutines all the same: a Lambda environment has one request at a time, so a
# thread for each (Mangum's loop keeps none between requests) would only cost.
async def authenticate(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
):
    if credentials is None:
        raise tokens.unauthorized("Send Authorization: Bearer and a token.")
    tokens.verify(credentials.credentials)


app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(authenticate)])


@app.get("/calendly/user")
async def user():
    return JSONResponse({"uri": calendly.user_uri(pat.current())})


@app.get("/calendly/user-event-types")
async def user_event_types(active: Literal["true", "false"] | None = None):
    return JSONResponse(list(calendly.event_types(pat.current(), active)))


@app.get("/calendly/check-availability")
async def check_availability(
    start_time: str, end_time: str, event_type: str | None = None, timezone: str | None = None
):
    parameters = availability.parse(start_time, end_time, event_type, timezone)
    return JSONResponse(availability.answer(pat.current(), parameters))


@app.exception_handler(RequestValidationError)
async def bad_request(_, error):
    problem = error.errors()[0]
    return JSONResponse({"detail": f"{problem['loc'][-1]}: {problem['msg']}"}, 400)


_adapter = Mangum(app, lifespan="off")
_requests = 0


def handler(event, context):
    """What Lambda calls. One line in the log ends every request."""
    global _requests
    _requests += 1
    started = time.perf_counter()
    answer = _adapter(event, context)
    line = {
        "level": "INFO",
        "message": "request",
        "request_id": context.aws_request_id,
        "path": event.get("rawPath") or event.get("path"),
        "status": answer["statusCode"],
        "duration_ms": round((time.perf_counter() - started) * 1000, 3),
        "cold_start": _requests == 1,
    }
    print(json.dumps(line))
    return answer
