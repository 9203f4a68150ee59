"""The environment variables, read once at start. An empty one counts as unset."""

import os


def _text(name, default=None):
    value = os.environ.get(name) or default
    if value is None:
        raise RuntimeError(f"{name} is required and is not set")
    return value


PAT_SECRET_ID = _text("CALENDLY_PAT_SECRET_ID")
PAT_CACHE_SECONDS = int(_text("PAT_CACHE_SECONDS", "300"))
EVENT_TYPE_CACHE_SECONDS = int(_text("EVENT_TYPE_CACHE_SECONDS", "60"))
CALENDLY_BASE_URL = _text("CALENDLY_BASE_URL", "https://api.calendly.com").rstrip("/")
CALENDLY_TIMEOUT_SECONDS = int(_text("CALENDLY_TIMEOUT_MS", "5000")) / 1000
CALENDLY_MAX_RETRIES = int(_text("CALENDLY_MAX_RETRIES", "2"))
JWT_ISSUER = _text("JWT_ISSUER")
# Without it, OpenID Connect Discovery tells.
JWT_JWKS_URL = _text("JWT_JWKS_URL", "")
JWT_AUDIENCES = [audience.strip() for audience in _text("JWT_AUDIENCE").split(",")]
# boto3 itself reads another variable.
AWS_REGION = _text("AWS_REGION")
