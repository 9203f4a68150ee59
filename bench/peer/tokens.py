"""Validation of the caller's token, with the keys that the issuer publishes."""

import functools

import jwt
from fastapi import HTTPException
from jwt.exceptions import PyJWKClientConnectionError, PyJWKSetError

import settings
from connections import TLS_CONTEXT, session

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
CLOCK_SKEW_SECONDS = 60
TIMEOUT_SECONDS = 3


def verify(token):
    """Raises `HTTPException` 401 for a token that is not good, 503 if the keys cannot be had."""
    try:
        jwt.decode(
            token,
            _keys().get_signing_key_from_jwt(token),
            algorithms=ALGORITHMS,
            audience=settings.JWT_AUDIENCES,
            issuer=settings.JWT_ISSUER,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "aud", "iss", "sub"]},
        )
    except (PyJWKClientConnectionError, PyJWKSetError, OSError, ValueError) as error:
        raise HTTPException(503, "The token issuer's keys could not be fetched.") from error
    except jwt.PyJWTError as error:
        raise unauthorized(f"The token is not valid: {error}") from error


def unauthorized(detail):
    return HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


@functools.cache
def _keys():
    """The issuer's keys: fetched when first needed, and then kept for five minutes."""
    url = settings.JWT_JWKS_URL or _discovered_url()
    return jwt.PyJWKClient(url, timeout=TIMEOUT_SECONDS, ssl_context=TLS_CONTEXT)


def _discovered_url():
    url = f"{settings.JWT_ISSUER.rstrip('/')}/.well-known/openid-configuration"
    response = session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    response.raise_for_status()
    return response.json()["jwks_uri"]
