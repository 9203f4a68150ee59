"""Constants of the code, settings of a deployment and durations; in seconds.

test_constants.py compares the constants with the Rust code.
"""

from dataclasses import dataclass

# How long a request waits for another environment's call for the same window.
MAX_COALESCE_WAIT = 1.5
LEASE_DURATION = 3.0
POLL_INTERVAL = 0.05

# The time-out of a call that has a stale fallback, and the backoff after a failure.
TIMEOUT_WITH_STALE = 2.0
MIN_BACKOFF = 1.0
MAX_BACKOFF = 10.0

# Bytes of the cache of an environment, and of a month of slots every half an hour in it: 66 KB of JSON
# (docs/performance.md), and 350 slots of 24 bytes and more.
CACHE_BYTES = 12 * 1024 * 1024
MONTH_IN_MEMORY = 78_000
MAX_CACHED = int(round(CACHE_BYTES / MONTH_IN_MEMORY, -1))

# The longest `Retry-After` of Calendly that is honored.
MAX_REQUESTED_WAIT = 2.0

# The minimum time for a retry, and the maximum time to serialize the answer.
MIN_ATTEMPT = 0.1
RESERVE = 0.3

# Below this share of the quota, older and older answers are accepted.
LOW_QUOTA_RATIO = 0.2

# Calls in flight for one request.
MAX_IN_FLIGHT = 4


@dataclass(frozen=True)
class Settings:
    # AVAILABILITY_CACHE_SECONDS, AVAILABILITY_STALE_SECONDS and CACHE_TABLE.
    fresh: float = 0
    stale: float = 0
    has_table: bool = False
    # CALENDLY_MAX_RETRIES and PAT_CACHE_SECONDS, with their defaults.
    retries: int = 2
    pat_ttl: float = 300
    # Timeout in template.yaml.
    timeout: float = 28


@dataclass(frozen=True)
class Durations:
    # A request without its calls; a call of Calendly; a call of DynamoDB; the start of an environment.
    request: float
    calendly: float
    table: float
    cold_start: float = 0
