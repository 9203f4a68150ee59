"""Constants of the Rust code, settings of a deployment, and durations; in seconds."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNITS = {"from_millis": 0.001, "from_secs": 1, "seconds": 1, "days": 86_400}


def rust(file, name):
    """The number or duration that the code sets a constant or a field to."""
    pattern = rf"\b{name}: (?:[\w:]+ = )?(?:[\w:]+::(\w+)\()?([\d_ .*+]+)\)?[;,]"
    found = re.search(pattern, (ROOT / file).read_text())
    if not found:
        raise LookupError(f"{file} does not set {name} to a number or a duration")
    unit, expression = found.groups()
    # Digits and operators only.
    return eval(expression) * (UNITS[unit] if unit else 1)


AVAILABILITY_CACHE = "functions/check-availability/src/availability_cache.rs"

# How long a request waits for another environment's call for the same window.
MAX_COALESCE_WAIT = rust(AVAILABILITY_CACHE, "MAX_COALESCE_WAIT")

# Polling interval of waiters.
POLL_INTERVAL = rust("shared/src/cache/remote/remote_cache.rs", "POLL_INTERVAL")

# Windows in the cache of an environment. A month of slots every half an hour takes 66 KB of JSON
# (docs/performance.md), and 350 slots of 24 bytes and more.
MONTH_IN_MEMORY = 78_000
MAX_CACHED = int(round(rust(AVAILABILITY_CACHE, "MAX_BYTES") / MONTH_IN_MEMORY, -1))

# The longest `Retry-After` of Calendly that is honored.
MAX_REQUESTED_WAIT = rust("shared/src/calendly/retry.rs", "MAX_REQUESTED_WAIT")

# Calls a minute and user, as in https://developer.calendly.com/api-docs/rate-limits.
RATE_LIMIT = rust("sandbox/src/config.rs", "rate_limit")

# Below this share of the quota, the accepted age grows.
LOW_QUOTA_RATIO = rust("shared/src/calendly/rate_limit.rs", "LOW_QUOTA_RATIO")

# The length of a window.
WINDOW = rust("shared/src/calendly/available_times.rs", "MAX")

# A start in the past, or one that may have passed when the call arrives, is moved to LEAD_TIME from now.
TIME_RANGE = "functions/check-availability/src/question/time_range.rs"
LEAD_TIME = rust(TIME_RANGE, "LEAD_TIME")
MAX_TRANSIT_TIME = rust(TIME_RANGE, "MAX_TRANSIT_TIME")


@dataclass(frozen=True)
class Settings:
    # AVAILABILITY_CACHE_SECONDS, AVAILABILITY_STALE_SECONDS and CACHE_TABLE.
    fresh: float = 0
    stale: float = 0
    has_table: bool = False
    # PAT_CACHE_SECONDS, with its default.
    pat_ttl: float = 300


@dataclass(frozen=True)
class Durations:
    # A request without its calls; a call of Calendly; a call of DynamoDB; the start of an environment.
    request: float
    calendly: float
    table: float
    cold_start: float = 0
