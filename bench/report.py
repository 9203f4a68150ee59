"""The tables and the plot of bench/results.json: `python3 bench/report.py write|check`.

`write` puts the tables between the markers in docs/performance.md, docs/agents.md and README.md and draws
docs/performance.svg; `check` fails if one of them differs.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import plot  # noqa: E402
from check_artifacts import MAX_BYTES, MAX_ZIPPED_BYTES  # noqa: E402
from local import FUNCTIONS  # noqa: E402
from page_tables import replaced, table  # noqa: E402

RESULTS = ROOT / "bench" / "results.json"
# The longest line of that file; a table row fits.
LINE = 800
PLOT = ROOT / "docs" / "performance.svg"

FLOOR = ("floor", None)
# Also with the response lengths of the two functions with long responses.
FLOORS = [FLOOR, *(("floor", name) for name in FUNCTIONS[1:])]
OWN = [(name, name) for name in FUNCTIONS]
COMPARED = [*OWN, *(("peer", name) for name in FUNCTIONS)]
CONDITIONS = {
    "at_once": "Stand-ins that answer at once",
    "latency": "Stand-ins that take 20 ms (Calendly), 10 ms (issuer) and 5 ms (Secrets Manager)",
    "tls": "The same over TLS, at once",
}


class Results:
    """The measurements, by name."""

    def __init__(self, data):
        self.data = data
        self._rows = {
            (compared["conditions"], row["program"], row["route"]): row
            for compared in data["comparison"]
            for row in compared["rows"]
        }
        # {conditions: {route: latency in milliseconds of the upstream call, made without a function}}
        self.direct_calls = {compared["conditions"]: compared["direct_call_ms"] for compared in data["comparison"]}

    def row(self, conditions, program, route):
        """A row of the comparison."""
        return self._rows[conditions, program, route]

    def figure(self, what, conditions, program, route):
        value = self.row(conditions, program, route)[what]
        return value["median"] if isinstance(value, dict) else value

    def upstream_call(self, conditions, route):
        """The latency in milliseconds of a warm request's upstream call. `user` answers from its cache."""
        return self.direct_calls[conditions][route] if route != "user" else 0.0


# Formats


def name(row):
    program, route = row["program"], row["route"]
    floor = f"floor, an answer as long as `{route}`'s" if route else "floor"
    return {"floor": floor, "peer": f"FastAPI `{route}`"}.get(program, f"**`{program}`**")


def number(value):
    """Formats a number with its significant digits."""
    for least, digits in ((100, 0), (10, 1), (1, 2)):
        if value >= least:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"


def pair(what):
    """A cell with the median of a figure, and its minimum in brackets."""
    return lambda row: f"{number(row[what]['median'])} ({number(row[what]['minimum'])})"


def median(what):
    return lambda row: number(row[what]["median"])


def megabytes(what):
    return lambda row: number(row[what] / 1e6) if what in row else "–"


def both(first, second, cell):
    """Cells of two figures of a row, beside each other."""
    return lambda row: f"{cell(row[first])} / {cell(row[second])}"


def make_table(columns, rows):
    """A table of (header, function that makes the cell of a row)."""
    return table([header for header, _ in columns], [[cell(row) for _, cell in columns] for row in rows])


# Tables


def comparison(results, conditions):
    def to_floor(what):
        floor = results.row(conditions, *FLOOR)[what]["median"]
        return lambda row: number(row[what]["median"] / floor)

    def calls(row):
        first = row["calls_until_first_answer"]
        counts = "+".join(str(first[upstream]) for upstream in ("calendly", "issuer", "secrets_manager"))
        return f"{counts} / {sum(row['calls_per_warm_request'].values())}"

    columns = [
        ("median (minimum)", name),
        ("init", pair("init_ms")),
        ("first request", pair("first_request_ms")),
        ("start to first answer", pair("first_answer_ms")),
        ("× floor", to_floor("first_answer_ms")),
        ("CPU until then", pair("cpu_until_first_answer_ms")),
        ("× floor", to_floor("cpu_until_first_answer_ms")),
        ("warm p50", lambda row: f"{number(row['warm_p50_ms'])} ({number(row['warm_minimum_ms'])})"),
        ("warm p99", lambda row: number(row["warm_p99_ms"])),
        ("CPU per warm request", pair("cpu_per_warm_request_ms")),
        ("peak RSS, MB", megabytes("peak_resident_bytes")),
        ("calls, first / warm", calls),
    ]
    rows = [results.row(conditions, *row) for row in [*FLOORS, *COMPARED]]
    parts = [f"{CONDITIONS[conditions]}; times in ms:", make_table(columns, rows)]
    alone = results.direct_calls[conditions]
    if alone:
        called = " and ".join(f"{number(ms)} ms for `{route}`" for route, ms in alone.items())
        parts.append(f"The upstream call of a warm answer takes, without a function, {called}.")
    return "\n\n".join(parts)


def sizes(results):
    columns = [
        ("MB", lambda size: size["program"].replace("peer", "FastAPI")),
        ("executable", megabytes("binary_bytes")),
        ("zip", megabytes("zip_bytes")),
    ]
    artifacts = results.data["artifacts"]
    return make_table(columns, [{"program": program} | size for program, size in artifacts.items()])


def scaling(results):
    columns = [
        ("warm, ms", pair("warm_ms")),
        ("with latency, ms", pair("warm_with_latency_ms")),
        ("CPU, ms", pair("cpu_per_warm_request_ms")),
        ("CPU, µs each", lambda row: number(row["cpu_per_warm_request_ms"]["median"] / row["size"] * 1000)),
        ("peak RSS, MB", megabytes("peak_resident_bytes")),
        ("calls", lambda row: str(row["calendly_calls"])),
    ]
    return "\n\n".join(
        make_table([(first, lambda row: f"{row['size']:,}"), *columns], results.data["scaling"][function])
        for function, first in (
            ("user_event_types", "`user-event-types`, event types"),
            ("check_availability", "`check-availability`, days"),
        )
    )


KNOWN = {
    "to_calendly": "Calendly",
    "user_to_secret": "the secret (`user`)",
    "to_table": "the shared table",
}
# The first request, by what is already cached.
STARTS = [
    ("with latency, ms", lambda row: f"`{row['route']}`"),
    ("user and event type come from", lambda row: KNOWN[row["known"]]),
    ("init", pair("init_ms")),
    ("first request", pair("first_request_ms")),
    ("start to first answer", pair("first_answer_ms")),
    ("calls of Calendly", lambda row: str(row["calendly_calls"])),
]
# The methods of the MCP server, and the same question over HTTP.
MCP = [
    ("median (minimum)", lambda row: f"`{row['request']}`"),
    ("start to first answer, ms", pair("first_answer_ms")),
    ("warm, ms", pair("warm_ms")),
    ("CPU per warm request, ms", pair("cpu_per_warm_request_ms")),
    ("bytes", lambda row: f"{row['body_bytes']:,}"),
]
# Each query parameter, compared with the plain requests that it replaces.
BY_HAND = [
    ("question: as one, and by hand", lambda row: row["question"]),
    ("requests", both("form", "by_hand", lambda cost: str(cost["requests"]))),
    ("calls of Calendly", both("form", "by_hand", lambda cost: str(cost["calendly_calls"]))),
    ("ms, with latency", both("form", "by_hand", median("ms"))),
    ("KB that the caller reads", both("form", "by_hand", lambda cost: number(cost["answer_bytes"] / 1e3))),
]
# The README's table.
SUMMARY = [
    ("ms", name),
    ("start to first answer", median("first_answer_ms")),
    ("warm p50", lambda row: number(row["warm_p50_ms"])),
    ("CPU per warm request", median("cpu_per_warm_request_ms")),
    ("peak RSS, MB", megabytes("peak_resident_bytes")),
    ("zip, MB", megabytes("zip_bytes")),
]


def summary(results):
    artifacts = results.data["artifacts"]
    return make_table(
        SUMMARY, [results.row("at_once", *row) | artifacts[row[0]] for row in [FLOOR, *COMPARED]]
    )


def compression(results):
    """Bytes on the wire and latency with and without gzip, by program and route."""
    rows = {}
    for row in results.data["compression"]:
        rows.setdefault(name(row), {"name": name(row)})["gzip" if row["accepts_gzip"] else "plain"] = row
    columns = [
        ("without gzip / with gzip", lambda row: row["name"]),
        ("bytes on the wire", both("plain", "gzip", lambda row: f"{row['body_bytes']:,}")),
        ("warm, ms", both("plain", "gzip", median("warm_ms"))),
        ("CPU per warm request, ms", both("plain", "gzip", median("cpu_per_warm_request_ms"))),
    ]
    return make_table(columns, rows.values())


def machine(results):
    machine = results.data["machine"]
    return (
        f"{machine['date']}: {machine['processors']} × {machine['processor']}, {machine['system']}, rustc "
        f"{machine['rustc']}, Python {machine['python']}; {results.data['rounds']} rounds."
    )


# Targets


def targets(results):
    """(target, limit, measured, whether it is met)"""

    def at_most(what, limit, value, unit):
        return what, f"≤ {limit:g} {unit}", f"{number(value)} {unit}", value <= limit

    def at_least(what, limit, value, unit):
        return what, f"≥ {limit:g} {unit}", f"{number(value)} {unit}", value >= limit

    def to_floor(what, conditions="at_once"):
        worst = max(results.figure(what, conditions, *own) for own in OWN)
        return worst / results.figure(what, conditions, *FLOOR)

    def below_peer(what):
        return min(
            results.figure(what, "at_once", "peer", name) / results.figure(what, "at_once", name, name)
            for name in FUNCTIONS
        )

    def first_to_warm(conditions, name):
        """The first request, relative to a warm one with as many Calendly calls."""
        row = results.row(conditions, name, name)
        added = row["calls_until_first_answer"]["calendly"] - row["calls_per_warm_request"]["calendly"]
        call = results.upstream_call(conditions, "user-event-types")
        return row["first_request_ms"]["median"] / (row["warm_p50_ms"] + added * call)

    def beyond_upstream(conditions, name):
        return results.figure("warm_p50_ms", conditions, name, name) - results.upstream_call(conditions, name)

    def largest(size):
        return max(results.data["artifacts"][name][size] for name in FUNCTIONS) / 1e6

    what = "CPU from start to first answer, to the floor's"
    yield at_most(what, 2.5, to_floor("cpu_until_first_answer_ms"), "×")
    what = "Start to first answer, to the floor's"
    yield at_most(what, 3, to_floor("first_answer_ms"), "×")
    yield at_most(f"{what}, over TLS", 4, to_floor("first_answer_ms", "tls"), "×")
    what = "Start to first answer, faster than FastAPI's"
    yield at_least(what, 80, below_peer("first_answer_ms"), "×")

    what = "First request, to a warm one with the same calls"
    for conditions, how in (("latency", "with latency"), ("at_once", "at once")):
        worst = max(first_to_warm(conditions, name) for name in FUNCTIONS)
        yield at_most(f"{what}, {how}", 2, worst, "×")
    for name, floor in [(name, FLOOR) for name in FUNCTIONS] + [(row[1], row) for row in FLOORS[1:]]:
        above = beyond_upstream("at_once", name) - results.figure("warm_p50_ms", "at_once", *floor)
        like = " with an answer as long" if floor != FLOOR else ""
        what = f"`{name}`: warm p50 beyond the upstream call, above the floor{like}"
        yield at_most(what, 100, above * 1000, "µs")
    what = "31 days, warm, with latency, beyond one round trip"
    yield at_most(what, 1, beyond_upstream("latency", "check-availability"), "ms")
    [year] = [row for row in results.data["scaling"]["check_availability"] if row["size"] == 365]
    round_trips = year["warm_with_latency_ms"]["median"] / results.upstream_call("latency", "check-availability")
    yield at_most("365 days, warm, with latency", 4, round_trips, "round trips")

    yield at_most("Peak RSS, to the floor's", 3, to_floor("peak_resident_bytes"), "×")
    yield at_least("Peak RSS, below FastAPI's", 10, below_peer("peak_resident_bytes"), "×")
    yield at_most("Executable", MAX_BYTES / 1e6, largest("binary_bytes"), "MB")
    yield at_most("Zip", MAX_ZIPPED_BYTES / 1e6, largest("zip_bytes"), "MB")


def verdicts(results):
    rows = [[*texts, "yes" if is_met else "**no**"] for *texts, is_met in targets(results)]
    return table(["the worst of the three functions", "target", "measured", "met"], rows)


# Pages


def rows_of(kind, columns):
    return lambda results: make_table(columns, results.data[kind])


PAGES = {
    ROOT / "docs" / "performance.md": {
        "machine": machine,
        "targets": verdicts,
        "at_once": lambda results: comparison(results, "at_once"),
        "latency": lambda results: comparison(results, "latency"),
        "tls": lambda results: comparison(results, "tls"),
        "sizes": sizes,
        "scaling": scaling,
        "compression": compression,
        "starts": rows_of("starts", STARTS),
        "by_hand": rows_of("by_hand", BY_HAND),
    },
    ROOT / "docs" / "agents.md": {"mcp": rows_of("mcp", MCP)},
    ROOT / "README.md": {"summary": summary},
}


def filled(page, parts, results):
    """The text of a page with new parts between `<!-- bench: part -->` and `<!-- bench: end -->`."""
    text = page.read_text()
    for part, make in parts.items():
        text = replaced(text, "bench", part, make(results))
    return text


def drawing(results):
    """Plots the functions, the floor and FastAPI."""
    colors = {"floor": "#8a8f98", "peer": "#4b8bbe"}
    programs = [FLOOR, *COMPARED]
    names = [name(results.row("at_once", *row)).replace("*", "").replace("`", "") for row in programs]
    bars = [(name, colors.get(program, "#ce422b")) for name, (program, _) in zip(names, programs, strict=True)]
    panels = []
    for title, what, factor in [
        ("start to first answer, ms", "first_answer_ms", 1),
        ("warm p50, ms", "warm_p50_ms", 1),
        ("peak RSS, MB", "peak_resident_bytes", 1e-6),
    ]:
        values = [results.figure(what, "at_once", *row) * factor for row in programs]
        panels.append((title, values, [number(value) for value in values]))
    return plot.bars("Start to first answer, warm requests and memory, on logarithmic scales", bars, panels)


def text_of(value, indent=""):
    """JSON with six significant digits, and short values on one line."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if not isinstance(value, dict | list):
        return json.dumps(value)
    inner = indent + " "
    if isinstance(value, dict):
        opening, closing = "{", "}"
        parts = [f"{json.dumps(key)}: {text_of(part, inner)}" for key, part in value.items()]
    else:
        opening, closing = "[", "]"
        parts = [text_of(part, inner) for part in value]
    line = ", ".join(parts)
    if len(line) <= LINE and "\n" not in line:
        return f"{opening}{line}{closing}"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"


def show(file):
    """Prints the tables of a file of results."""
    results = Results(json.loads(file.read_text()))
    for parts in PAGES.values():
        for make in parts.values():
            print(make(results), end="\n\n")


def generated():
    """{file: its text} of the pages and the plot."""
    results = Results(json.loads(RESULTS.read_text()))
    return {page: filled(page, parts, results) for page, parts in PAGES.items()} | {PLOT: drawing(results)}


def write():
    for file, text in generated().items():
        file.write_text(text)


def check_texts(texts, command):
    """Exits unless each of {file: text} is up to date; `command` updates them."""
    for file, text in texts.items():
        if not file.is_file() or file.read_text() != text:
            sys.exit(f"{file.relative_to(ROOT)} is not up to date: {command}")


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    elif sys.argv[1:] == ["check"]:
        check_texts(generated(), "python3 bench/report.py write")
    else:
        sys.exit("usage: report.py write|check")
