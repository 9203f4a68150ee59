"""The tables and the plot of bench/results.json: `python3 bench/report.py write|check`.

`write` puts the tables between the markers in docs/performance.md and README.md and draws
docs/performance.svg; `check` fails if one of them differs.
"""

import json
import sys

import plot
from build import ROOT
from check_artifacts import MOST_BYTES, MOST_ZIPPED_BYTES
from local import FUNCTIONS
from page_tables import replaced, table

RESULTS = ROOT / "bench" / "results.json"
# The longest line of that file; a table row fits.
LINE = 800
PLOT = ROOT / "docs" / "performance.svg"

FLOOR = ("floor", None)
# Also with the response lengths of the two functions with long responses.
FLOORS = [FLOOR, *(("floor", name) for name in FUNCTIONS[1:])]
COMPARED = [*((name, name) for name in FUNCTIONS), *(("peer", name) for name in FUNCTIONS)]
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
            (table["conditions"], row["program"], row["route"]): row
            for table in data["comparison"]
            for row in table["rows"]
        }
        self._direct = {table["conditions"]: table["direct_call_ms"] for table in data["comparison"]}

    def row(self, conditions, program, route):
        return self._rows[conditions, program, route]

    def median(self, conditions, program, route, what):
        value = self.row(conditions, program, route)[what]
        return value["median"] if isinstance(value, dict) else value

    def ratio_to_floor(self, conditions, program, route, what):
        return self.median(conditions, program, route, what) / self.median(conditions, *FLOOR, what)

    def upstream_call(self, conditions, route):
        """The latency in milliseconds of a warm request's upstream call, made without a function."""
        if route == "user":
            # The answer is cached.
            return 0.0
        return self._direct[conditions][route]

    def direct_calls(self, conditions):
        """`upstream_call` by route."""
        return self._direct[conditions]

    def size(self, of, size):
        return next(entry for entry in self.data["scaling"][of] if entry["size"] == size)


def name(program, route):
    floor = f"floor, an answer as long as `{route}`'s" if route else "floor"
    return {"floor": floor, "peer": f"FastAPI `{route}`"}.get(program, f"**`{program}`**")


def number(value):
    """Formats a number with its significant digits."""
    for least, digits in ((100, 0), (10, 1), (1, 2)):
        if value >= least:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"


def pair(summary):
    """The median, and the minimum in brackets."""
    return f"{number(summary['median'])} ({number(summary['minimum'])})"


def comparison(results, conditions):
    header = ["median (minimum)", "init", "first request", "start to first answer", "× floor"]
    header += ["CPU until then", "× floor", "warm p50", "warm p99", "CPU per warm request"]
    header += ["peak RSS, MB", "calls, first / warm"]
    rows = []
    for program, route in [*FLOORS, *COMPARED]:
        row = results.row(conditions, program, route)
        rows.append(
            [
                name(program, route),
                pair(row["init_ms"]),
                pair(row["first_request_ms"]),
                pair(row["first_answer_ms"]),
                number(results.ratio_to_floor(conditions, program, route, "first_answer_ms")),
                pair(row["cpu_until_first_answer_ms"]),
                number(results.ratio_to_floor(conditions, program, route, "cpu_until_first_answer_ms")),
                pair({"median": row["warm_p50_ms"], "minimum": row["warm_minimum_ms"]}),
                number(row["warm_p99_ms"]),
                pair(row["cpu_per_warm_request_ms"]),
                number(row["peak_resident_bytes"] / 1e6),
                f"{calls(row['calls_until_first_answer'])} / {sum(row['calls_per_warm_request'].values())}",
            ]
        )
    parts = [f"{CONDITIONS[conditions]}; times in ms:", table(header, rows)]
    alone = results.direct_calls(conditions)
    if alone:
        called = " and ".join(f"{number(ms)} ms for `{route}`" for route, ms in alone.items())
        parts.append(f"The upstream call of a warm answer takes, without a function, {called}.")
    return "\n\n".join(parts)


def calls(count):
    return f"{count['calendly']}+{count['issuer']}+{count['secrets_manager']}"


def sizes(results):
    rows = []
    for program, size in results.data["artifacts"].items():
        binary = number(size["binary_bytes"] / 1e6) if "binary_bytes" in size else "–"
        title = program.replace("peer", "FastAPI")
        rows.append([title, binary, number(size["zip_bytes"] / 1e6)])
    return table(["MB", "executable", "zip"], rows)


def scaling(results):
    parts = []
    for of, unit in (("user_event_types", "event types"), ("check_availability", "days")):
        header = [f"`{of.replace('_', '-')}`, {unit}", "warm, ms", "with latency, ms", "CPU, ms"]
        header += ["CPU, µs each", "peak RSS, MB", "calls"]
        rows = []
        for entry in results.data["scaling"][of]:
            cpu = entry["cpu_per_warm_request_ms"]
            rows.append(
                [
                    f"{entry['size']:,}",
                    pair(entry["warm_ms"]),
                    pair(entry["warm_with_latency_ms"]),
                    pair(cpu),
                    number(cpu["median"] / entry["size"] * 1000),
                    number(entry["peak_resident_bytes"] / 1e6),
                    str(entry["calendly_calls"]),
                ]
            )
        parts.append(table(header, rows))
    return "\n\n".join(parts)


KNOWN = {
    "to_calendly": "Calendly",
    "user_to_secret": "the secret (`user`)",
    "to_table": "the shared table",
}


def starts(results):
    """The first request, by what is already cached."""
    header = ["with latency, ms", "user and event type come from"]
    header += ["init", "first request", "start to first answer", "calls of Calendly"]
    rows = [
        [
            f"`{entry['route']}`",
            KNOWN[entry["known"]],
            pair(entry["init_ms"]),
            pair(entry["first_request_ms"]),
            pair(entry["first_answer_ms"]),
            str(entry["calendly_calls"]),
        ]
        for entry in results.data["starts"]
    ]
    return table(header, rows)


def compression(results):
    """Bytes on the wire and latency with and without gzip, by program and route."""
    header = ["without gzip / with gzip", "bytes on the wire", "warm, ms", "CPU per warm request, ms"]
    pairs = {}
    for row in results.data.get("compression", []):
        pairs.setdefault((row["program"], row["route"]), {})[row["accepts_gzip"]] = row
    rows = [
        [
            name(*key),
            " / ".join(f"{pair[gzip]['body_bytes']:,}" for gzip in (False, True)),
            " / ".join(number(pair[gzip]["warm_ms"]["median"]) for gzip in (False, True)),
            " / ".join(number(pair[gzip]["cpu_per_warm_request_ms"]["median"]) for gzip in (False, True)),
        ]
        for key, pair in pairs.items()
    ]
    return table(header, rows)


def mcp(results):
    """The methods of the MCP server, and the same question over HTTP."""
    header = ["median (minimum)", "start to first answer, ms", "warm, ms", "CPU per warm request, ms", "bytes"]
    times = ("first_answer_ms", "warm_ms", "cpu_per_warm_request_ms")
    rows = [
        [f"`{row['request']}`", *(pair(row[what]) for what in times), f"{row['body_bytes']:,}"]
        for row in results.data.get("mcp", [])
    ]
    return table(header, rows)


def by_hand(results):
    """Each query parameter, compared with the plain requests that it replaces."""
    header = ["question: as one, and by hand", "requests", "calls of Calendly", "ms, with latency"]
    header += ["KB that the caller reads"]
    rows = [
        [
            entry["question"],
            *(
                " / ".join(text(entry[way]) for way in ("form", "by_hand"))
                for text in (
                    lambda cost: str(cost["requests"]),
                    lambda cost: str(cost["calendly_calls"]),
                    lambda cost: number(cost["ms"]["median"]),
                    lambda cost: number(cost["answer_bytes"] / 1e3),
                )
            ),
        ]
        for entry in results.data["by_hand"]
    ]
    return table(header, rows)


def targets(results):
    """(target, limit, measured, whether it is met)"""

    def at_most(what, limit, value, unit):
        return (what, f"≤ {limit:g} {unit}", f"{number(value)} {unit}", value <= limit)

    def at_least(what, limit, value, unit):
        return (what, f"≥ {limit:g} {unit}", f"{number(value)} {unit}", value >= limit)

    def to_floor(what, conditions="at_once"):
        return max(results.ratio_to_floor(conditions, name, name, what) for name in FUNCTIONS)

    def below_peer(what):
        return min(
            results.median("at_once", "peer", name, what) / results.median("at_once", name, name, what)
            for name in FUNCTIONS
        )

    def first_to_warm(conditions, name):
        """The first request, relative to a warm one with as many Calendly calls."""
        row = results.row(conditions, name, name)
        first, warm = row["calls_until_first_answer"], row["calls_per_warm_request"]
        call = results.upstream_call(conditions, "user-event-types")
        added = (first["calendly"] - warm["calendly"]) * call
        return row["first_request_ms"]["median"] / (row["warm_p50_ms"] + added)

    def beyond_upstream(conditions, name):
        warm = results.median(conditions, name, name, "warm_p50_ms")
        return warm - results.upstream_call(conditions, name)

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
        above = beyond_upstream("at_once", name) - results.median("at_once", *floor, "warm_p50_ms")
        like = " with an answer as long" if floor != FLOOR else ""
        what = f"`{name}`: warm p50 beyond the upstream call, above the floor{like}"
        yield at_most(what, 100, above * 1000, "µs")
    what = "31 days, warm, with latency, beyond one round trip"
    yield at_most(what, 1, beyond_upstream("latency", "check-availability"), "ms")
    year = results.size("check_availability", 365)["warm_with_latency_ms"]["median"]
    round_trips = year / results.upstream_call("latency", "check-availability")
    yield at_most("365 days, warm, with latency", 4, round_trips, "round trips")

    yield at_most("Peak RSS, to the floor's", 3, to_floor("peak_resident_bytes"), "×")
    yield at_least("Peak RSS, below FastAPI's", 10, below_peer("peak_resident_bytes"), "×")
    yield at_most("Executable", MOST_BYTES / 1e6, largest("binary_bytes"), "MB")
    yield at_most("Zip", MOST_ZIPPED_BYTES / 1e6, largest("zip_bytes"), "MB")


def verdicts(results):
    rows = [
        [what, limit, value, "yes" if is_met else "**no**"] for what, limit, value, is_met in targets(results)
    ]
    return table(["the worst of the three functions", "target", "measured", "met"], rows)


def machine(results):
    machine = results.data["machine"]
    return (
        f"{machine['date']}: {machine['processors']} × {machine['processor']}, {machine['system']}, rustc "
        f"{machine['rustc']}, Python {machine['python']}; {results.data['rounds']} rounds."
    )


def summary(results):
    """The README's table."""
    header = ["ms", "start to first answer", "warm p50", "CPU per warm request", "peak RSS, MB", "zip, MB"]
    rows = []
    for program, route in [FLOOR, *COMPARED]:
        row = results.row("at_once", program, route)
        rows.append(
            [
                name(program, route),
                number(row["first_answer_ms"]["median"]),
                number(row["warm_p50_ms"]),
                number(row["cpu_per_warm_request_ms"]["median"]),
                number(row["peak_resident_bytes"] / 1e6),
                number(results.data["artifacts"][program]["zip_bytes"] / 1e6),
            ]
        )
    return table(header, rows)


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
        "starts": starts,
        "by_hand": by_hand,
    },
    ROOT / "docs" / "agents.md": {"mcp": mcp},
    ROOT / "README.md": {"summary": summary},
}


def filled(text, parts, results):
    """A page with new parts between `<!-- bench: part -->` and `<!-- bench: end -->`."""
    for part, make in parts.items():
        text = replaced(text, "bench", part, make(results))
    return text


def drawing(results):
    """Plots the functions, the floor and FastAPI."""
    colours = {"floor": "#8a8f98", "peer": "#4b8bbe"}
    programs = [FLOOR, *COMPARED]
    rows = [(name(*row).replace("*", "").replace("`", ""), colours.get(row[0], "#ce422b")) for row in programs]
    panels = []
    for title, what, factor in [
        ("start to first answer, ms", "first_answer_ms", 1),
        ("warm p50, ms", "warm_p50_ms", 1),
        ("peak RSS, MB", "peak_resident_bytes", 1e-6),
    ]:
        values = [results.median("at_once", *row, what) * factor for row in programs]
        panels.append((title, values, [number(value) for value in values]))
    title = "Start to first answer, warm requests and memory, on logarithmic scales"
    return plot.svg(title, rows, panels)


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
    for conditions in CONDITIONS:
        print(comparison(results, conditions), end="\n\n")
    print(sizes(results), scaling(results), verdicts(results), sep="\n\n")


def made():
    """{file: its text} of the pages and the plot."""
    results = Results(json.loads(RESULTS.read_text()))
    pages = {page: filled(page.read_text(), parts, results) for page, parts in PAGES.items()}
    return pages | {PLOT: drawing(results)}


def write():
    for file, text in made().items():
        file.write_text(text)


def check():
    for file, text in made().items():
        if not file.is_file() or file.read_text() != text:
            where = file.relative_to(ROOT)
            sys.exit(f"report: {where} differs from the measurements: python3 bench/report.py write")


if __name__ == "__main__":
    commands = {"write": write, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("usage: report.py write|check")
    commands[sys.argv[1]]()
