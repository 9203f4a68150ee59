"""A deployed function under simulated traffic."""

import json

import prices
from environment import CALENDLY, MEMORY, REFUSED, TABLE
from settings import RATE_LIMIT, ROOT, WINDOW, Durations
from tally import THROTTLED, Tally
from traffic import BEGINNING
from world import World

BENCH = ROOT / "bench" / "results.json"
# The benchmark's durations that the last simulation used.
DURATIONS = ROOT / "bench" / "simulation" / "durations.json"

# Assumed, as in docs/operations.md.
CALENDLY_SECONDS = 0.15

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html: single-digit milliseconds.
TABLE_SECONDS = 0.005

# Assumed: the time that Lambda takes to start an environment, and its idle time-out.
LAMBDA_START_SECONDS = 0.1
LAMBDA_IDLE_SECONDS = 300

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: the default of a region.
CONCURRENCY = 1_000

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: 1,769 MB have one full CPU.
CPU_SHARE = prices.MEMORY_GB * 1024 / 1_769

# Slots of a month, every half an hour of working days: 66 KB (docs/performance.md).
MONTH_BYTES = 66_000

# Warm-ups keep one environment alive.
MIN_WARM = 1

# The minimum length of a simulation, in requests and seconds.
MIN_REQUESTS = 3_000
MIN_SECONDS = 300


def record_durations():
    """Copies the durations of check-availability under latency, in milliseconds, from the benchmark's results."""
    bench = json.loads(BENCH.read_text())
    [latency] = [compared for compared in bench["comparison"] if compared["conditions"] == "latency"]
    [row] = [row for row in latency["rows"] if row["program"] == "check-availability"]
    taken = {
        "date": bench["machine"]["date"],
        "cpu_per_warm_request_ms": row["cpu_per_warm_request_ms"]["median"],
        "init_ms": row["init_ms"]["median"],
    }
    DURATIONS.write_text(json.dumps(taken, indent=1) + "\n")


def recorded_durations():
    return json.loads(DURATIONS.read_text())


def durations():
    """The durations of a request and a start with the CPU share that MemorySize allocates."""
    taken = recorded_durations()
    return Durations(
        request=taken["cpu_per_warm_request_ms"] / 1000 / CPU_SHARE,
        calendly=CALENDLY_SECONDS,
        table=TABLE_SECONDS,
        cold_start=LAMBDA_START_SECONDS + taken["init_ms"] / 1000,
    )


def simulate(settings, traffic, durations, *, min_seconds=MIN_SECONDS, concurrency=CONCURRENCY):
    """Simulates traffic and returns figures, counted from BEGINNING on, with a filled cache.

    `concurrency` is the maximum number of environments; `math.inf` means no limit.
    """
    span = max(min_seconds, MIN_REQUESTS / traffic.rate(0))
    lead = min(span, 2 * (settings.fresh + settings.stale) + 60)
    world = World(
        BEGINNING - lead,
        settings,
        durations,
        RATE_LIMIT,
        concurrency,
        Tally(since=BEGINNING),
        cold_start=durations.cold_start,
        idle_timeout=LAMBDA_IDLE_SECONDS,
        min_warm=MIN_WARM,
    )
    requested_seconds = 0

    def arrivals():
        nonlocal requested_seconds
        for moment, question in traffic.arrivals(lead, span):
            if moment >= BEGINNING:
                requested_seconds += question.end - question.start
            yield moment, question

    world.run(arrivals())
    return figures(world, traffic, span, requested_seconds)


def figures(world, traffic, span, requested_seconds):
    """The figures of a simulation."""
    tally, table = world.fleet.tally, world.table
    requests = tally.requests
    end = BEGINNING + span

    def counted(units):
        return sum(count for (_, at), count in units.items() if BEGINNING <= at < end)

    def busiest(units):
        """The highest number of units that one item consumed in a second."""
        return max((count for (_, at), count in units.items() if at >= BEGINNING), default=0)

    read_units, write_units = (table.read_units, table.write_units) if table else ({}, {})
    a_month = traffic.a_month / requests
    bill = prices.month(
        requests=traffic.a_month,
        invocations=(requests - tally.kinds[THROTTLED]) * a_month,
        served_seconds=tally.served_seconds * a_month,
        read_units=counted(read_units) * a_month,
        write_units=counted(write_units) * a_month,
        secret_reads=sum(BEGINNING <= at < end for at in world.secret_reads) * a_month,
        secrets=traffic.pats,
        bytes_out=requested_seconds / WINDOW * MONTH_BYTES * a_month * tally.answered / requests,
    )
    calls, of_one = world.calendly.busiest_minute(BEGINNING, end)
    return {
        "a_second": requests / span,
        "calls_a_minute": counted(world.calendly.calls) * 60 / span,
        "most_calls_a_minute": calls,
        "most_calls_of_one_pat": of_one,
        "memory": tally.share(MEMORY),
        "table": tally.share(TABLE),
        "calendly": tally.share(CALENDLY),
        "refused": tally.kinds[REFUSED] / requests,
        "throttled": tally.kinds[THROTTLED] / requests,
        "mean_age_s": tally.mean_age,
        "p50_ms": tally.percentile(0.5),
        "p99_ms": tally.percentile(0.99),
        "cold_starts": tally.cold_starts / requests,
        "environments": world.fleet.max_busy,
        "most_read_units": busiest(read_units),
        "most_write_units": busiest(write_units),
        "bill": bill._asdict(),
    }
