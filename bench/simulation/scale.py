"""docs/scale.md and its plot: `python bench/simulation/scale.py simulate|write|check`.

`simulate` writes bench/simulation/results.json, the page's tables between their markers, and its plot. `write` skips the
simulation. `check` fails if the model does not predict the load test, if a simulation differs from results.json, or if
the page or the plot does.
"""

import json
import math
import os
import sys
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

import deployment  # noqa: E402
import drawing  # noqa: E402
import load_test  # noqa: E402
import prices  # noqa: E402
import report  # noqa: E402
import sweep  # noqa: E402

RESULTS = ROOT / "bench" / "simulation" / "results.json"
LOAD = ROOT / "bench" / "load.json"
PAGE = ROOT / "docs" / "scale.md"
PLOT = ROOT / "docs" / "scale.svg"

# A setting is sufficient up to this use of the quota: above it, stale answers are served.
MOST_CALLS = 0.8 * deployment.RATE_LIMIT

# And up to this share of refused requests.
MOST_REFUSED = 0.0001

# Units a second of a table's partition:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_READ_UNITS = 3_000
PARTITION_WRITE_UNITS = 1_000

# Requests a second: the default of the template's ThrottlingRateLimit, and what an account may have in a region,
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html.
GATEWAY_SETTING = 20
GATEWAY_LIMIT = 10_000

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: requests a second, for each environment that
# an account may have.
REQUESTS_OF_AN_ENVIRONMENT = 10

# Relative tolerance of a repeated simulation: floating-point results differ between CPUs.
SAME = 0.01

MONTHS = {1e3: "10³", 1e6: "10⁶", 1e9: "10⁹"}
PATTERNS = {"even": "even", "daily": "daily, busiest hour", "mailing": "after a mailing"}


class Results:
    """Simulated rows by table and key."""

    def __init__(self, rows):
        self._rows = {(row["part"], *row["key"]): row for row in rows}

    def row(self, *key):
        return self._rows[key]


def is_sufficient(row):
    """Whether no request is refused and enough quota is left."""
    is_answered = 1 - row["ok"] <= MOST_REFUSED
    return is_answered and row["most_calls_a_minute"] <= MOST_CALLS


def chosen(results, a_month, pattern):
    """The first sufficient setting, or `None`."""
    for setting in sweep.SETTINGS:
        if is_sufficient(results.row("traffic", a_month, pattern, setting)):
            return setting
    return None


def percent(part):
    """Formats a percentage without rounding small shares to 0 or 100."""
    if 0 < part < 0.001:
        return "< 0.1 %"
    if 0.999 < part < 1:
        return "> 99.9 %"
    return f"{part * 100:.1f} %"


def whole(count):
    return f"{count:,.0f}"


def dollars(amount):
    return f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"


def calls(row):
    """Calls a minute: the average, and the busiest minute."""
    return f"{report.number(row['calls_a_minute'])} ({whole(row['most_calls_a_minute'])})"


def figures(row):
    return [
        calls(row),
        *(percent(row[kind]) for kind in ("memory", "table", "calendly")),
        percent(row["refused"]),
        percent(row["throttled"]),
        f"{row['mean_age_s']:.1f}",
        f"{whole(row['p50_ms'])} / {whole(row['p99_ms'])}",
        percent(row["cold_starts"]),
        whole(row["environments"]),
    ]


FIGURES = ["calls of Calendly a minute (busiest)", "memory", "table", "Calendly", "429", "503", "age, s"]
FIGURES += ["p50 / p99, ms", "cold starts", "environments"]


def choice(results):
    rows = []
    for a_month, name in MONTHS.items():
        for pattern, when in PATTERNS.items():
            setting = chosen(results, a_month, pattern)
            row = results.row("traffic", a_month, pattern, setting or "300 s, shared")
            rows.append([f"{name}, {when}", significant(row["a_second"]), f"**{setting or 'none'}**"])
            bill = whole_bill(row, setting or "300 s, shared")
            # A busy hour has no monthly bill.
            rows[-1] += [*figures(row), dollars(sum(bill.values())) if pattern == "even" else ""]
    return report.table(["requests a month", "a second", "setting", *FIGURES, "USD a month"], rows)


def everything(results):
    parts = []
    for a_month, name in MONTHS.items():
        rows = []
        for pattern, when in PATTERNS.items():
            for setting in sweep.SETTINGS:
                row = results.row("traffic", a_month, pattern, setting)
                mark = "" if is_sufficient(row) else " ✗"
                rows.append([f"{when}: {setting}{mark}", *figures(row)])
        parts.append(report.table([f"{name} a month", *FIGURES], rows))
    return "\n\n".join(parts)


def whole_bill(row, setting):
    """{part: USD a month}: the cost of traffic, and the fixed cost of a stack with default parameters."""
    chosen_settings = sweep.SETTINGS[setting]
    fixed = prices.monitoring(has_cache=chosen_settings.fresh > 0, has_table=chosen_settings.has_table)
    return row["bill"] | {"monitoring": fixed, "warm-ups": prices.WARM_UP}


def bill(results):
    parts = [*prices.Month._fields, "monitoring", "warm-ups"]
    rows = []
    for a_month, name in MONTHS.items():
        for setting in sweep.SETTINGS:
            whole = whole_bill(results.row("traffic", a_month, "even", setting), setting)
            costs = [dollars(whole[part]) for part in parts]
            rows.append([f"{name}, {setting}", *costs, dollars(sum(whole.values()))])
    return report.table(["USD a month, even traffic", *parts, "together"], rows)


def more_pats(results):
    of_pats = {
        (1, False): "one PAT",
        (sweep.PATS, False): f"{sweep.PATS} PATs, any caller asks about any event type",
        (sweep.PATS, True): f"{sweep.PATS} PATs, each with event types of its own",
    }
    rows = []
    for count in sweep.EVENT_TYPES:
        for (pats, is_apart), name in of_pats.items():
            cells = []
            for setting in sweep.OF_MANY_EVENT_TYPES:
                row = results.row("event_types", count, pats, is_apart, setting)
                cells.append(f"{whole(row['most_calls_of_one_pat'])}, {percent(1 - row['ok'])}")
            rows.append([f"{count:,} event types, {name}", *cells])
    return report.table(["calls with one PAT in the busiest minute, refused", *sweep.OF_MANY_EVENT_TYPES], rows)


def loads(results):
    rows = []
    for rate in sweep.WALL_RATES:
        row = results.row("walls", rate)
        rows.append(
            [
                f"{rate:,} a second",
                whole(row["environments"]),
                report.number(row["most_read_units"]),
                report.number(row["most_write_units"]),
                calls(row),
                f"{whole(row['p50_ms'])} / {whole(row['p99_ms'])}",
            ]
        )
    header = [f"{sweep.WALL_SETTING}, even traffic", "environments at a time, at most"]
    header += ["read units of one item, busiest second", "write units"]
    header += ["calls of Calendly a minute (busiest)", "p50 / p99, ms"]
    return report.table(header, rows)


def walls(results):
    def met(what, limit):
        found = rate_at(what, limit, results)
        return f"about {float(f'{found:.1g}'):,.0f}"

    allowed = deployment.RATE_LIMIT / 60
    rows = [
        ["Calendly's allowance, without a cache", f"{allowed:.1f}", "`AvailabilityCacheSeconds`"],
        ["the gateway, as the template sets it", f"{GATEWAY_SETTING}", "`ThrottlingRateLimit`"],
        [
            f"Lambda's {deployment.CONCURRENCY:,} environments of an account",
            met("environments", deployment.CONCURRENCY),
            "ask AWS for more; longer `AvailabilityCacheSeconds`",
        ],
        [
            f"Lambda: {REQUESTS_OF_AN_ENVIRONMENT} requests a second for each of them",
            f"{REQUESTS_OF_AN_ENVIRONMENT * deployment.CONCURRENCY:,}",
            "the same",
        ],
        ["the gateway's own limit, of an account and region", f"{GATEWAY_LIMIT:,}", "ask AWS for more"],
        [
            f"a hot partition: {PARTITION_READ_UNITS:,} read units a second of one item",
            met("most_read_units", PARTITION_READ_UNITS),
            "longer `AvailabilityCacheSeconds`; a stack for each part of the event types",
        ],
        [
            f"the same: {PARTITION_WRITE_UNITS:,} write units",
            met("most_write_units", PARTITION_WRITE_UNITS),
            "the same",
        ],
    ]
    return report.table(["wall", "requests a second", "what moves it"], rows)


def rate_at(what, limit, results):
    """The requests a second at which a figure reaches its limit, interpolated between two simulated points."""
    points = [(rate, results.row("walls", rate)[what]) for rate in sweep.WALL_RATES]
    above = next((at for at, (_, value) in enumerate(points) if value >= limit), len(points) - 1)
    (first, low), (second, high) = points[above - 1], points[above]
    slope = math.log(second / first) / math.log(high / low)
    return second * (limit / high) ** slope


def prediction(_):
    load = json.loads(LOAD.read_text())
    scenario = load["scenario"]
    rows = []
    for what, measured, predicted in load_test.comparison(load):
        difference = f"{(predicted / measured - 1) * 100:+.1f} %" if measured else "–"
        rows.append([what, significant(measured), significant(predicted), difference])
    asked = (
        f"{scenario['began'][:10]}: {whole(scenario['requests_per_minute'])} requests a minute for "
        f"{whole(scenario['seconds'])} s, kept for {scenario['cache_seconds']} s:"
    )
    table = report.table(["", "measured", "predicted", "difference"], rows)
    return f"{asked}\n\n{table}"


def significant(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def assumed(_):
    taken = deployment.taken_durations()
    durations = deployment.durations(taken)
    measured = f"measured on {taken['date']} as in [performance.md](performance.md)"
    share = f"{prices.MEMORY_GB * 1024 / deployment.MB_OF_A_PROCESSOR:.2f}"
    rows = [
        ("a request alone", durations.request, f"{measured}, with {share} of a processor"),
        ("a start", durations.cold_start, f"{measured}, and 100 ms of Lambda's own, assumed"),
        ("a call of Calendly", durations.calendly, "assumed"),
        ("a call of DynamoDB", durations.table, "assumed"),
    ]
    return report.table(
        ["the model's durations", "ms", ""],
        [[what, f"{seconds * 1000:.1f}", why] for what, seconds, why in rows],
    )


PARTS = {
    "choice": choice,
    "walls": walls,
    "loads": loads,
    "more_pats": more_pats,
    "bill": bill,
    "prediction": prediction,
    "assumed": assumed,
    "everything": everything,
}


def plot(results):
    panels = [
        (
            "calls of Calendly a minute",
            "calls_a_minute",
            deployment.RATE_LIMIT,
            f"Calendly allows {deployment.RATE_LIMIT}",
        ),
        (
            "environments at a time",
            "environments",
            deployment.CONCURRENCY,
            f"Lambda allows {deployment.CONCURRENCY:,} at first",
        ),
    ]
    curves = {
        setting: [results.row("curves", setting, a_month) for a_month in sweep.CURVE_MONTHS]
        for setting in sweep.CURVES
    }
    return drawing.svg("What each setting makes of more and more requests", panels, curves)


def made(results):
    """{file: its text as it should be}"""
    return {PAGE: report.filled(PAGE, PARTS, results), PLOT: plot(results)}


def simulate():
    taken = deployment.take_durations(json.loads(deployment.BENCH.read_text()))
    deployment.DURATIONS.write_text(json.dumps(taken, indent=1) + "\n")
    rows = sweep.rows()
    with Pool(os.cpu_count()) as pool:
        found = []
        for done, row in enumerate(pool.imap_unordered(sweep.result, rows), 1):
            found.append(row)
            print(f"\rsimulated {done} of {len(rows)}", end="", flush=True)
    print()
    found.sort(key=lambda row: (row["part"], str(row["key"])))
    RESULTS.write_text(report.text_of(found) + "\n")
    write()


def write():
    for file, text in made(Results(json.loads(RESULTS.read_text()))).items():
        file.write_text(text)


def check():
    wrong = load_test.unpredicted(load_test.comparison(json.loads(LOAD.read_text())))
    if wrong:
        sys.exit(
            f"scale: the model is more than {load_test.TOLERANCE:.0%} off what the load test measured: "
            f"{'; '.join(wrong)}"
        )
    results = Results(json.loads(RESULTS.read_text()))
    for row in filter(sweep.is_checked, sweep.rows()):
        different = difference(results.row(row[0], *row[1]), sweep.result(row))
        if different:
            sys.exit(f"scale: {row[1]}: {different} is not what was simulated: make simulate")
    for file, text in made(results).items():
        if not file.is_file() or file.read_text() != text:
            sys.exit(f"scale: {file.relative_to(ROOT)} is not what was simulated: make simulate")


def difference(recorded, found):
    """The name of a figure that differs, or `None`."""
    for name, value in found.items():
        if isinstance(value, float | int) and not math.isclose(
            value, recorded[name], rel_tol=SAME, abs_tol=1e-4
        ):
            return name
    return None


if __name__ == "__main__":
    commands = {"simulate": simulate, "write": write, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("usage: scale.py simulate|write|check")
    commands[sys.argv[1]]()
