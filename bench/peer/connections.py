"""The one session for Calendly and the issuer: TLS context, pool and retries, made once in init."""

import os
import ssl

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

import settings

# As many calls to Calendly as are under way at once.
IN_FLIGHT = 4

# A 429 that asks for a longer wait is tried again after this one, and then reflected.
LONGEST_WAIT_SECONDS = 2

TLS_CONTEXT = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())


class _Adapter(HTTPAdapter):
    """requests reads the certificate bundle again for each new connection, which costs more than the
    handshake. This one's connections share a context that has read it."""

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, ssl_context=TLS_CONTEXT, **options)

    def cert_verify(self, conn, url, verify, cert):
        pass


def _session():
    retries = Retry(
        total=settings.CALENDLY_MAX_RETRIES,
        status_forcelist=(429, 502, 503, 504),
        backoff_factor=0.1,
        backoff_jitter=0.1,
        retry_after_max=LONGEST_WAIT_SECONDS,
        raise_on_status=False,
    )
    adapter = _Adapter(pool_maxsize=IN_FLIGHT, max_retries=retries)
    session = requests.Session()
    # No look for proxies and .netrc at every call.
    session.trust_env = False
    session.headers["Accept"] = "application/json"
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


session = _session()
