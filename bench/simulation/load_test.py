"""The scenario of `make load` (tests/end-to-end/tests/long/load), and the model's predictions for it."""

import math
from datetime import datetime

import simpy
import windows
from calendly import Calendly
from environment import CALENDLY, MEMORY, STALE, TABLE, Environment, Question
from fleet import Fleet
from settings import Durations, Settings
from table import Table
from tally import OK, TOO_MANY_REQUESTS

# The time of an invocation in the load test, in seconds.
TIMEOUT = 30

# Unused: the load test has no bill.
VALUE_BYTES = 8_000

# Relative tolerance of a prediction.
TOLERANCE = 0.15

# Absolute tolerance of shares.
NEGLIGIBLE = 0.0005


class Draw:
    """The random numbers of scenario.rs."""

    def __init__(self):
        self._drawn = 1

    def below(self, most):
        self._drawn = (self._drawn * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return (self._drawn >> 33) % most


def requested_range(number, midnight):
    """Two ranges start now, the others within six weeks; `midnight` is the next midnight."""
    days = 1 + (number * 5) % 14
    if number < 2:
        return 0, midnight + days * windows.DAY
    start = midnight + number * 2 * windows.DAY + 7 * windows.HOUR * (number % 3)
    return start, start + days * windows.DAY


def questions(scenario, now):
    """(seconds since the start, question) of each request."""
    draw = Draw()
    every = 60 / scenario["requests_per_minute"]
    midnight = int(now // windows.DAY + 1) * windows.DAY
    for number in range(int(scenario["seconds"] / every)):
        start, end = requested_range(draw.below(scenario["ranges"]), midnight)
        yield every * number, Question(0, draw.below(scenario["event_types"]), start, end)


def run(load, has_cache, make=Environment):
    """The figures of a run, named as in bench/load.json."""
    scenario = load["scenario"]
    began = datetime.fromisoformat(scenario["began"].replace("Z", "+00:00")).timestamp()
    simulation = simpy.Environment(initial_time=began)
    durations = measured_durations(load, has_cache)
    calendly = Calendly(simulation, durations.calendly, scenario["rate_limit"])
    table = Table(simulation, durations.table, VALUE_BYTES) if has_cache else None
    settings = Settings(fresh=scenario["cache_seconds"] if has_cache else 0, has_table=has_cache, timeout=TIMEOUT)
    fleet = Fleet(
        simulation,
        lambda: make(simulation, settings, durations, calendly, table),
        scenario["environments"],
        may_wait=True,
    )
    fleet.start(scenario["environments"])

    def arrivals():
        for after, question in questions(scenario, began):
            yield simulation.timeout(max(0, began + after - simulation.now))
            fleet.arrive(question)

    simulation.process(arrivals())
    simulation.run()
    tally = fleet.tally
    return {
        "requests": tally.requests,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "calendly_calls_per_minute": round(calendly.calls.total() * 60 / scenario["seconds"]),
        "kinds": {
            "AvailabilityFromMemory": tally.kinds[MEMORY],
            "AvailabilityFromTable": tally.kinds[TABLE],
            # Only possible with concurrent requests in one environment.
            "AvailabilityFromOthers": 0,
            "AvailabilityFromCalendly": tally.kinds[CALENDLY] if has_cache else 0,
            "AvailabilityStale": tally.kinds[STALE],
        },
        "waits": tally.waits,
        "mean_age_s": tally.mean_age if has_cache else 0.0,
    }


def measured_durations(load, has_cache):
    """The durations of the load test's machine, from its latencies."""
    if not has_cache:
        # Mostly Calendly calls.
        return Durations(request=0, calendly=load["without_cache"]["p50_ms"] / 1000, table=0)
    hit, from_table, from_calendly = (
        load["with_cache"][name] / 1000
        for name in ("hit_in_memory_p50_ms", "from_table_p50_ms", "from_calendly_p50_ms")
    )
    table = from_table - hit
    # A miss reads the table, takes the lease and writes the answer.
    return Durations(request=hit, table=table, calendly=from_calendly - hit - 3 * table)


def comparison(load):
    """(figure, measured, predicted)."""
    return with_cache(load) + without_cache(load)


def with_cache(load, make=Environment):
    """The figures with the cache; `make` makes an environment."""
    measured, predicted = load["with_cache"], run(load, True, make)
    kinds = [it["kinds"] for it in (measured, predicted)]
    shares = [(f"{kind}, of all windows", *(it[kind] / sum(it.values()) for it in kinds)) for kind in kinds[0]]
    return [
        row("Calls of Calendly a minute", "calendly_calls_per_minute", measured, predicted),
        *shares,
        row("Mean age, s", "mean_age_s", measured, predicted),
    ]


def without_cache(load):
    """The figures without the cache."""
    measured, predicted = load["without_cache"], run(load, False)
    statuses = [it["statuses"] for it in (measured, predicted)]
    return [
        (f"Without the cache: answers with {status}", *(it.get(str(status), 0) for it in statuses))
        for status in (OK, TOO_MANY_REQUESTS)
    ] + [row("Without the cache: calls a minute", "calendly_calls_per_minute", measured, predicted)]


def row(what, name, measured, predicted):
    """One figure."""
    return what, measured[name], predicted[name]


def unpredicted(rows):
    """The figures outside the tolerance."""
    return [what for what, measured, predicted in rows if not is_near(measured, predicted)]


def is_near(measured, predicted):
    """Whether a prediction is within the tolerance."""
    return math.isclose(predicted, measured, abs_tol=max(TOLERANCE * measured, NEGLIGIBLE), rel_tol=0)
