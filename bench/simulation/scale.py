"""The tables of docs/scale.md: `python bench/simulation/scale.py simulate|write|check`.

`simulate` writes bench/simulation/results.json, and the page's tables between their markers. `write` skips the
simulation. `check` fails if the model does not predict the load test, or if a simulation or the page differs from
results.json.
"""

import json
import math
import os
import sys
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import deployment  # noqa: E402
import load_test  # noqa: E402
import prices  # noqa: E402
import report  # noqa: E402
import sweep  # noqa: E402
from settings import RATE_LIMIT, ROOT  # noqa: E402

RESULTS = ROOT / "bench" / "simulation" / "results.json"
LOAD = ROOT / "bench" / "load.json"
PAGE = ROOT / "docs" / "scale.md"

# A setting is sufficient up to this use of the quota: above it, stale answers are served.
MAX_CALLS = 0.8 * RATE_LIMIT

# And up to this share of refused requests.
MAX_REFUSED = 0.0001

# Relative tolerance of a repeated simulation: floating-point results differ between CPUs.
SAME = 0.01

MONTHS = {1e3: "10³", 1e6: "10⁶", 1e9: "10⁹"}
PATTERNS = {"even": "even", "daily": "daily, busiest hour", "mailing": "after a mailing"}


def read_results():
    """{(table of the page, *key): row} of the last simulation."""
    return {(row["part"], *row["key"]): row for row in json.loads(RESULTS.read_text())}


def is_sufficient(row):
    """Whether no request is refused and enough quota is left."""
    return row["refused"] + row["throttled"] <= MAX_REFUSED and row["most_calls_a_minute"] <= MAX_CALLS


def chosen(results, a_month, pattern):
    """The first sufficient setting, or `None`."""
    for setting in sweep.SETTINGS:
        if is_sufficient(results["traffic", a_month, pattern, setting]):
            return setting
    return None


# Formats


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


def significant(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def share(what):
    return lambda row: percent(row[what])


def calls(row):
    """Calls a minute: the average, and the busiest minute."""
    return f"{report.number(row['calls_a_minute'])} ({whole(row['most_calls_a_minute'])})"


def latency(row):
    return f"{whole(row['p50_ms'])} / {whole(row['p99_ms'])}"


# Tables

FIGURES = [
    ("calls of Calendly a minute (busiest)", calls),
    ("memory", share("memory")),
    ("table", share("table")),
    ("Calendly", share("calendly")),
    ("429", share("refused")),
    ("503", share("throttled")),
    ("age, s", lambda row: f"{row['mean_age_s']:.1f}"),
    ("p50 / p99, ms", latency),
    ("cold starts", share("cold_starts")),
    ("environments", lambda row: whole(row["environments"])),
]


def figures(row):
    return [cell(row) for _, cell in FIGURES]


def choice(results):
    rows = []
    for a_month, name in MONTHS.items():
        for pattern, when in PATTERNS.items():
            setting = chosen(results, a_month, pattern)
            row = results["traffic", a_month, pattern, setting or "300 s, shared"]
            bill = whole_bill(row, setting or "300 s, shared")
            rows.append([f"{name}, {when}", significant(row["a_second"]), f"**{setting or 'none'}**"])
            # A busy hour has no monthly bill.
            rows[-1] += [*figures(row), dollars(bill["together"]) if pattern == "even" else ""]
    headers = [header for header, _ in FIGURES]
    return report.table(["requests a month", "a second", "setting", *headers, "USD a month"], rows)


def everything(results):
    def title(row):
        _, pattern, setting = row["key"]
        return f"{PATTERNS[pattern]}: {setting}{'' if is_sufficient(row) else ' ✗'}"

    return "\n\n".join(
        report.make_table(
            [(f"{name} a month", title), *FIGURES],
            [results["traffic", a_month, pattern, setting] for pattern in PATTERNS for setting in sweep.SETTINGS],
        )
        for a_month, name in MONTHS.items()
    )


def whole_bill(row, setting):
    """{part: USD a month}: the cost of traffic, the fixed cost of a stack with default parameters, and the sum."""
    used = sweep.SETTINGS[setting]
    fixed = prices.monitoring(has_cache=used.fresh > 0, has_table=used.has_table)
    parts = row["bill"] | {"monitoring": fixed, "warm-ups": prices.WARM_UP}
    return parts | {"together": sum(parts.values())}


def bill(results):
    rows = []
    for a_month, name in MONTHS.items():
        for setting in sweep.SETTINGS:
            costs = whole_bill(results["traffic", a_month, "even", setting], setting)
            rows.append([f"{name}, {setting}", *map(dollars, costs.values())])
    return report.table(["USD a month, even traffic", *costs], rows)


def more_pats(results):
    def cell(*key):
        row = results[("event_types", *key)]
        return f"{whole(row['most_calls_of_one_pat'])}, {percent(row['refused'] + row['throttled'])}"

    pats = [
        (1, False, "one PAT"),
        (sweep.PATS, False, f"{sweep.PATS} PATs, any caller asks about any event type"),
        (sweep.PATS, True, f"{sweep.PATS} PATs, each with event types of its own"),
    ]
    rows = [
        [
            f"{event_types:,} event types, {name}",
            *(cell(event_types, count, is_apart, setting) for setting in sweep.SHARED_SETTINGS),
        ]
        for event_types in sweep.EVENT_TYPES
        for count, is_apart, name in pats
    ]
    return report.table(["calls with one PAT in the busiest minute, refused", *sweep.SHARED_SETTINGS], rows)


def loads(results):
    columns = [
        (f"{sweep.LIMIT_SETTING}, even traffic", lambda row: f"{row['key'][0]:,} a second"),
        ("environments at a time, at most", lambda row: whole(row["environments"])),
        ("read units of one item, busiest second", lambda row: report.number(row["most_read_units"])),
        ("write units", lambda row: report.number(row["most_write_units"])),
        ("calls of Calendly a minute (busiest)", calls),
        ("p50 / p99, ms", latency),
    ]
    return report.make_table(columns, [results["limits", rate] for rate in sweep.LIMIT_RATES])


def prediction(_):
    load = json.loads(LOAD.read_text())
    scenario = load["scenario"]
    rows = []
    for what, measured, predicted in load_test.comparison(load):
        difference = f"{(predicted / measured - 1) * 100:+.1f} %" if measured else "–"
        rows.append([what, significant(measured), significant(predicted), difference])
    caption = (
        f"{scenario['began'][:10]}: {whole(scenario['requests_per_minute'])} requests a minute for "
        f"{whole(scenario['seconds'])} s, cached for {scenario['cache_seconds']} s:"
    )
    return f"{caption}\n\n{report.table(['', 'measured', 'predicted', 'difference'], rows)}"


def assumed(_):
    durations = deployment.durations()
    measured = f"measured on {deployment.recorded_durations()['date']} as in [performance.md](performance.md)"
    processor = f"{deployment.CPU_SHARE:.2f}"
    rows = [
        ("a request without its calls", durations.request, f"{measured}, with {processor} of a processor"),
        ("a start", durations.cold_start, f"{measured}, and 100 ms of Lambda's own, assumed"),
        ("a call of Calendly", durations.calendly, "assumed"),
        ("a call of DynamoDB", durations.table, "assumed"),
    ]
    cells = [[what, f"{seconds * 1000:.1f}", why] for what, seconds, why in rows]
    return report.table(["the model's durations", "ms", ""], cells)


PARTS = {
    "choice": choice,
    "loads": loads,
    "more_pats": more_pats,
    "bill": bill,
    "prediction": prediction,
    "assumed": assumed,
    "everything": everything,
}


def page(results):
    """The text of the page as it should be."""
    return report.filled(PAGE, PARTS, results)


def simulate():
    deployment.record_durations()
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
    PAGE.write_text(page(read_results()))


def check():
    wrong = load_test.unpredicted(json.loads(LOAD.read_text()))
    if wrong:
        sys.exit(f"the model is more than {load_test.TOLERANCE:.0%} off what `make load` measured: {'; '.join(wrong)}")
    results = read_results()
    for row in sweep.checked_rows():
        part, key, *_ = row
        different = difference(results[(part, *key)], sweep.result(row))
        if different:
            sys.exit(f"the model no longer finds {different} of {key} in {RESULTS.relative_to(ROOT)}: make simulate")
    report.check_texts({PAGE: page(results)}, "make simulate")


def difference(recorded, found):
    """The name of a figure, or of a part of the bill, that differs, or `None`."""
    recorded, found = (row | row["bill"] for row in (recorded, found))
    for name, value in found.items():
        if isinstance(value, float | int) and not math.isclose(value, recorded[name], rel_tol=SAME, abs_tol=1e-4):
            return name
    return None


if __name__ == "__main__":
    commands = {"simulate": simulate, "write": write, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("usage: scale.py simulate|write|check")
    commands[sys.argv[1]]()
