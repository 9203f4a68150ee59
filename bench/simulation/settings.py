"""What an operator sets, and what the code fixes."""

from dataclasses import dataclass

# shared/src/calendly/kept_times.rs: how long one waits for another who asks the same, how long Calendly may take where
# there is something to answer without it, and how long it is left alone after it failed then.
PATIENCE = 1.5
HURRY = 2.0
FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 10.0

# How many windows an environment keeps: 12 MiB, of which a month of slots every half an hour takes 78 KB: 66 KB of JSON
# (docs/performance.md), and 350 slots of 24 bytes and more.
MOST_KEPT = 160

# shared/src/table/shared.rs: how long one may keep the others waiting, and how often who waits looks.
LEASE = 3.0
POLL = 0.05

# shared/src/calendly/retry.rs: what must be left after a wait for another try to make sense.
SHORTEST_TRY = 0.1

# shared/src/rate_limit.rs: calls are plenty while more than this part of them is left.
PLENTY = 0.2

# shared/src/deadline.rs: the answer must have left this long before Lambda ends the function.
RESERVE = 0.3

# functions/check-availability/src/ask.rs: so many windows are asked for at a time.
IN_FLIGHT = 4


@dataclass(frozen=True)
class Settings:
    """Of the deployment; times in seconds."""

    # AVAILABILITY_CACHE_SECONDS and AVAILABILITY_STALE_SECONDS.
    fresh: float = 0
    stale: float = 0
    # CACHE_TABLE.
    has_table: bool = False
    # CALENDLY_MAX_RETRIES and PAT_CACHE_SECONDS, as they are by default.
    retries: int = 2
    pat_kept: float = 300
    # The functions' timeout in template.yaml.
    timeout: float = 28


@dataclass(frozen=True)
class Durations:
    """How long things take, in seconds."""

    # A request, without what it waits for.
    request: float
    # A call of Calendly, and of DynamoDB.
    calendly: float
    table: float
    # From nothing to an environment that takes a request.
    cold_start: float = 0
