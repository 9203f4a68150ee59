"""The Calendly token (PAT), from AWS Secrets Manager."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import HTTPException

import settings
from kept import Kept

_client = boto3.client(
    "secretsmanager",
    region_name=settings.AWS_REGION,
    config=Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}),
)
_pats = Kept(settings.PAT_CACHE_SECONDS)


def current():
    """Raises `HTTPException` 503 if the secret cannot be read."""
    pat = _pats.get(settings.PAT_SECRET_ID)
    if pat is None:
        try:
            secret = _client.get_secret_value(SecretId=settings.PAT_SECRET_ID)["SecretString"]
        except (BotoCoreError, ClientError) as error:
            raise HTTPException(503, "The Calendly token could not be read.") from error
        pat = _from_secret(secret)
        _pats.keep(settings.PAT_SECRET_ID, pat)
    return pat


def _from_secret(secret):
    """The bare token, or a JSON object with it."""
    if secret.lstrip().startswith("{"):
        fields = json.loads(secret)
        secret = fields.get("pat") or fields.get("token") or fields["access_token"]
    return secret.strip()
