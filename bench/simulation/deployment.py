"""A deployed function under simulated traffic."""

import json
import math
from pathlib import Path

import prices
import simpy
import traffic
import windows
from calendly import Calendly
from environment import CALENDLY, MEMORY, STALE, TABLE, Environment
from fleet import THROTTLED, Fleet
from settings import Durations
from table import Table
from tally import OK, TOO_MANY_REQUESTS

ROOT = Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "bench" / "results.json"
# The benchmark's durations that the last simulation used.
DURATIONS = ROOT / "bench" / "simulation" / "durations.json"

# https://developer.calendly.com/api-docs/rate-limits: calls a minute and user.
RATE_LIMIT = 500

# Assumed, as in docs/operations.md.
CALENDLY_SECONDS = 0.15

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html: single-digit milliseconds.
TABLE_SECONDS = 0.005

# Assumed: the time that Lambda takes to start an environment, and its idle time-out.
LAMBDA_START_SECONDS = 0.1
LAMBDA_KEEPS_SECONDS = 300

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: the default of a region.
CONCURRENCY = 1_000

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: the memory size with one full CPU.
MB_OF_A_PROCESSOR = 1_769

# Slots of a month, every half an hour of working days: 66 KB (docs/performance.md), gzipped for the table.
MONTH_BYTES = 66_000
VALUE_BYTES = 3_100

# Warm-ups keep one environment alive.
KEPT_WARM = 1

# The minimum length of a simulation, in requests and seconds.
LEAST_REQUESTS = 3_000
LEAST_SECONDS = 300


def take_durations(bench):
    """Reads the durations of check-availability under latency from a benchmark's results, in milliseconds."""
    latency = next(table for table in bench["comparison"] if table["conditions"] == "latency")
    row = next(row for row in latency["rows"] if row["program"] == "check-availability")
    return {
        "date": bench["machine"]["date"],
        "cpu_per_warm_request_ms": row["cpu_per_warm_request_ms"]["median"],
        "init_ms": row["init_ms"]["median"],
    }


def taken_durations():
    return json.loads(DURATIONS.read_text())


def durations(taken):
    """The durations of a request and a start with the CPU share that MemorySize allocates."""
    processor = prices.MEMORY_GB * 1024 / MB_OF_A_PROCESSOR
    return Durations(
        request=taken["cpu_per_warm_request_ms"] / 1000 / processor,
        calendly=CALENDLY_SECONDS,
        table=TABLE_SECONDS,
        cold_start=LAMBDA_START_SECONDS + taken["init_ms"] / 1000,
    )


def simulate(settings, of, durations, *, least_seconds=LEAST_SECONDS, concurrency=CONCURRENCY):
    """Simulates traffic and returns figures, counted from BEGINNING on, with a filled cache.

    `concurrency` is the maximum number of environments; `None` means no limit.
    """
    span = max(least_seconds, LEAST_REQUESTS / of.rate(0))
    lead = min(span, 2 * (settings.fresh + settings.stale) + 60)
    simulation = simpy.Environment(initial_time=traffic.BEGINNING - lead)
    calendly = Calendly(simulation, durations.calendly, RATE_LIMIT)
    table = Table(simulation, durations.table, VALUE_BYTES) if settings.has_table else None
    fleet = Fleet(
        simulation,
        lambda: Environment(simulation, settings, durations, calendly, table),
        concurrency or math.inf,
        cold_start=durations.cold_start,
        idle_timeout=LAMBDA_KEEPS_SECONDS,
        min_warm=KEPT_WARM,
    )
    fleet.tally.since = traffic.BEGINNING
    seconds_shown = 0

    def arrivals():
        nonlocal seconds_shown
        for moment, question in of.arrivals(lead, span):
            yield simulation.timeout(moment - simulation.now)
            fleet.arrive(question)
            if moment >= traffic.BEGINNING:
                seconds_shown += question.end - question.start

    simulation.process(arrivals())
    simulation.run(until=traffic.BEGINNING + span)
    # Requests in flight are finished.
    simulation.run()
    return figures(fleet, calendly, table, of, span, seconds_shown)


def figures(fleet, calendly, table, of, span, seconds_shown):
    """The figures of a simulation."""
    tally = fleet.tally
    requests = tally.requests
    end = traffic.BEGINNING + span

    def counted(units):
        return sum(count for (_, at, *_), count in units.items() if traffic.BEGINNING <= at < end)

    def busiest(units):
        """The highest number of units that one item consumed in a second."""
        return max((count for (_, at), count in units.items() if at >= traffic.BEGINNING), default=0)

    read_units, write_units = (counted(table.read_units), counted(table.write_units)) if table else (0, 0)
    reads = sum(traffic.BEGINNING <= at < end for at in fleet.secret_reads)
    a_month = of.a_month / requests
    bill = prices.month(
        requests=of.a_month,
        invocations=(requests - tally.statuses[THROTTLED]) * a_month,
        served_seconds=tally.served_seconds * a_month,
        read_units=read_units * a_month,
        write_units=write_units * a_month,
        secret_reads=reads * a_month,
        secrets=of.pats,
        bytes_out=seconds_shown / windows.LONGEST * MONTH_BYTES * a_month * tally.statuses[OK] / requests,
    )
    calls, of_one = calendly.busiest_minute(traffic.BEGINNING, end)
    return {
        "requests": requests,
        "a_second": requests / span,
        "calls_a_minute": counted(calendly.calls) * 60 / span,
        "most_calls_a_minute": calls,
        "most_calls_of_one_pat": of_one,
        "memory": tally.share(MEMORY),
        "table": tally.share(TABLE),
        "calendly": tally.share(CALENDLY),
        "stale": tally.share(STALE),
        "ok": tally.statuses[OK] / requests,
        "refused": tally.statuses[TOO_MANY_REQUESTS] / requests,
        "throttled": tally.statuses[THROTTLED] / requests,
        "mean_age_s": tally.mean_age,
        "p50_ms": tally.percentile(0.5),
        "p99_ms": tally.percentile(0.99),
        "cold_starts": tally.cold_starts / requests,
        "environments": fleet.max_busy,
        "most_read_units": busiest(table.read_units) if table else 0,
        "most_write_units": busiest(table.write_units) if table else 0,
        "dollars": sum(bill),
        "bill": bill._asdict(),
    }
