"""The scenario of `make load` (tests/end-to-end/tests/long/load), and the model's predictions for it."""

import math
from datetime import datetime

import windows
from environment import CALENDLY, MEMORY, REFUSED, STALE, TABLE, Question
from settings import Durations, Settings
from tally import Tally
from world import World

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


def range_start(number, midnight):
    """Two ranges start now, the others within six weeks; `midnight` is the next midnight."""
    if number < 2:
        return 0
    return midnight + number * 2 * windows.DAY + 7 * windows.HOUR * (number % 3)


def questions(scenario, now):
    """(seconds since the start, question) of each request. The end of a range does not matter to the model."""
    draw = Draw()
    every = 60 / scenario["requests_per_minute"]
    midnight = int(now // windows.DAY + 1) * windows.DAY
    for number in range(int(scenario["seconds"] / every)):
        start = range_start(draw.below(scenario["ranges"]), midnight)
        yield every * number, Question(0, draw.below(scenario["event_types"]), start, end=None)


def run(load, has_cache):
    """The figures of a run, named as in bench/load.json."""
    scenario = load["scenario"]
    began = datetime.fromisoformat(scenario["began"].replace("Z", "+00:00")).timestamp()
    settings = Settings(fresh=scenario["cache_seconds"] if has_cache else 0, has_table=has_cache)
    durations, tally = measured_durations(load, has_cache), Tally()
    world = World(
        began, settings, durations, scenario["rate_limit"], scenario["environments"], tally, may_wait=True
    )
    world.fleet.start(scenario["environments"])
    world.run((began + after, question) for after, question in questions(scenario, began))
    return {
        "statuses": {"200": tally.answered, "429": tally.kinds[REFUSED]},
        "calendly_calls_per_minute": round(world.calendly.calls.total() * 60 / scenario["seconds"]),
        "kinds": {
            "AvailabilityFromMemory": tally.kinds[MEMORY],
            "AvailabilityFromTable": tally.kinds[TABLE],
            # Only possible with concurrent requests in one environment.
            "AvailabilityFromOthers": 0,
            "AvailabilityFromCalendly": tally.kinds[CALENDLY],
            "AvailabilityStale": tally.kinds[STALE],
        },
        "mean_age_s": tally.mean_age,
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
    calls = "calendly_calls_per_minute"
    pair = load["with_cache"], run(load, has_cache=True)
    yield "Calls of Calendly a minute", *(it[calls] for it in pair)
    for kind in load["with_cache"]["kinds"]:
        yield f"{kind}, of all windows", *(it["kinds"][kind] / sum(it["kinds"].values()) for it in pair)
    yield "Mean age, s", *(it["mean_age_s"] for it in pair)
    pair = load["without_cache"], run(load, has_cache=False)
    for status in ("200", "429"):
        yield f"Without the cache: answers with {status}", *(it["statuses"].get(status, 0) for it in pair)
    yield "Without the cache: calls a minute", *(it[calls] for it in pair)


def unpredicted(load):
    """The figures outside the tolerance."""
    return [what for what, measured, predicted in comparison(load) if not is_near(measured, predicted)]


def is_near(measured, predicted):
    """Whether a prediction is within the tolerance."""
    return math.isclose(predicted, measured, abs_tol=max(TOLERANCE * measured, NEGLIGIBLE), rel_tol=0)
