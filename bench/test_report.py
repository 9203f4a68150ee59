"""Tests of the report's figures."""

import json
import unittest
from xml.etree import ElementTree

import report

SVG = "{http://www.w3.org/2000/svg}"


class Pages(unittest.TestCase):
    parts = {"a": lambda results: f"first {results}", "b": lambda results: f"second {results}"}
    page = "x\n<!-- bench: a -->\nold\n<!-- bench: end -->\ny\n<!-- bench: b -->\n<!-- bench: end -->\nz\n"

    def test_each_part_is_made_anew_in_its_place(self):
        filled = report.filled(self.page, self.parts, 1)
        self.assertNotIn("old", filled)
        self.assertEqual(
            [line for line in filled.splitlines() if line and line[0] != "<"],
            ["x", "first 1", "y", "second 1", "z"],
        )
        self.assertEqual(report.filled(filled, self.parts, 1), filled)
        self.assertNotEqual(report.filled(filled, self.parts, 2), filled)

    def test_a_part_without_a_place_is_an_error(self):
        with self.assertRaisesRegex(SystemExit, "no place for 'b'"):
            report.filled("<!-- bench: a -->\n<!-- bench: end -->\n", self.parts, 1)


class Figures(unittest.TestCase):
    def test_numbers_have_the_digits_that_mean_something(self):
        shown = [report.number(value) for value in (0.0512, 0.512, 2.346, 23.46, 234.6, 12_345.6)]
        self.assertEqual(shown, ["0.051", "0.512", "2.35", "23.5", "235", "12,346"])

    def test_every_table_has_its_rows(self):
        for table, rows in [
            (report.comparison(results(), "latency"), 9),
            (report.sizes(results()), 5),
            (report.scaling(results()), 2),
            (report.summary(results()), 7),
        ]:
            lines = [line for line in table.splitlines() if line.startswith("|")]
            heads = sum(line.startswith("| ---") for line in lines)
            self.assertEqual(len(lines) - 2 * heads, rows, table)
            self.assertEqual(len({line.split("|")[1] for line in lines}), rows + 1 + heads, table)

    def test_a_start_says_who_knows_and_how_many_calls_it_takes(self):
        [row] = report.starts(results()).splitlines()[2:]
        self.assertIn("`user-event-types` | the shared table |", row)
        self.assertTrue(row.endswith("| 1 |"), row)

    def test_a_question_stands_beside_the_same_by_hand(self):
        [row] = report.by_hand(results()).splitlines()[2:]
        self.assertEqual(row, "| a year | 1 / 3 | 1 / 12 | 21.0 / 66.0 | 2.00 / 90.0 |")

    def test_gzip_stands_beside_the_plain_answer(self):
        rows = report.compression(results()).splitlines()[2:]
        self.assertEqual(rows, ["| **`user-event-types`** | 9,000 / 900 | 2.00 / 3.00 | 1.00 / 2.00 |"])

    def test_each_message_of_the_mcp_server_has_a_row(self):
        rows = report.mcp(results()).splitlines()[2:]
        self.assertEqual(rows, ["| `tools/list` | 3.00 (2.50) | 0.200 (0.100) | 0.400 (0.300) | 6,000 |"])

    def test_targets_are_judged_by_the_worst_function(self):
        verdicts = {what: is_met for what, _, _, is_met in report.targets(results())}
        self.assertTrue(all(verdicts.values()), verdicts)
        for change, what in [
            (
                ("check-availability", "cpu_until_first_answer_ms", 2.6),
                "CPU from start to first answer, to the floor's",
            ),
            (("user", "first_answer_ms", 3.1), "Start to first answer, to the floor's"),
            (("user", "peak_resident_bytes", 3.1), "Peak RSS, to the floor's"),
        ]:
            verdicts = {name: is_met for name, _, _, is_met in report.targets(results(*change))}
            self.assertFalse(verdicts[what], what)


class Drawing(unittest.TestCase):
    def test_every_program_has_a_bar_in_each_panel_as_long_as_its_logarithm(self):
        drawing = ElementTree.fromstring(report.drawing(results()))
        bars = [float(bar.get("width")) for bar in drawing.iter(f"{SVG}rect")]
        self.assertEqual(len(bars), 3 * 7)
        # Floor, user, two functions, the peer three times: 1, 2, 2, 2, 1000, 1000, 1000.
        floor, user, *_, peer = bars[:7]
        self.assertGreater(floor, 0)
        self.assertAlmostEqual((peer - floor) / (user - floor), 9.97, delta=0.1)
        self.assertEqual(bars[:7], sorted(bars[:7]))

    def test_nothing_is_drawn_outside(self):
        drawing = ElementTree.fromstring(report.drawing(results()))
        width, height = map(float, drawing.get("viewBox").split()[2:])
        for text in drawing.iter(f"{SVG}text"):
            self.assertLess(0, float(text.get("y")))
            self.assertLess(float(text.get("y")), height)
            self.assertLess(float(text.get("x")) + 30, width, text.text)


class Kept(unittest.TestCase):
    def test_results_are_kept_in_short_as_json(self):
        row = {"program": "user", "route": None, "ms": 0.14943700000000001, "bytes": 3493888}
        short = report.text_of({"rows": [row] * 20, "rounds": 15})
        self.assertEqual(json.loads(short)["rows"][0], row | {"ms": 0.149437})
        self.assertEqual(short.count("\n"), 24)


def results(changed=None, what=None, value=None):
    """Results in which functions cost twice the floor and the peer a thousand times, except for one figure."""

    def summary(figure, program=None):
        factor = {"floor": 1, "peer": 1000}.get(program, 2)
        if (program, figure) == ("user", "warm"):
            # It needs no upstream call.
            factor = 1
        is_changed = (program, figure) == (changed, what)
        return {"median": value if is_changed else factor, "minimum": factor}

    def row(program, route):
        figures = ["init_ms", "first_request_ms", "first_answer_ms", "cpu_until_first_answer_ms"]
        figures += ["cpu_per_warm_request_ms"]
        return {figure: summary(figure, program) for figure in figures} | {
            "program": program,
            "route": route,
            "peak_resident_bytes": summary("peak_resident_bytes", program)["median"],
            "warm_p50_ms": summary("warm", program)["median"],
            "calls_until_first_answer": {"calendly": 1, "issuer": 2, "secrets_manager": 1},
            "warm_minimum_ms": summary("warm", program)["minimum"],
            "warm_p99_ms": summary("warm", program)["median"],
            "calls_per_warm_request": {"calendly": 1, "issuer": 0, "secrets_manager": 0},
        }

    rows = [row(program, route) for program, route in [*report.FLOORS, *report.COMPARED]]
    direct = {name: 1.0 for name in report.FUNCTIONS[1:]}
    size = {
        "warm_ms": summary("warm"),
        "warm_with_latency_ms": {"median": 3.5, "minimum": 3.4},
        "cpu_per_warm_request_ms": summary("cpu"),
        "peak_resident_bytes": 7_000_000,
        "calendly_calls": 1,
    }
    sizes = {"binary_bytes": 5.4e6, "zip_bytes": 2.5e6}
    return report.Results(
        {
            "comparison": [
                {"conditions": conditions, "rows": rows, "direct_call_ms": direct}
                for conditions in report.CONDITIONS
            ],
            "scaling": {
                "user_event_types": [size | {"size": 20}],
                "check_availability": [size | {"size": 365}],
            },
            "compression": [
                {"program": "user-event-types", "route": "user-event-types", "accepts_gzip": gzip}
                | {"body_bytes": size, "warm_ms": {"median": warm}, "cpu_per_warm_request_ms": {"median": cpu}}
                for gzip, size, warm, cpu in ((False, 9_000, 2.0, 1.0), (True, 900, 3.0, 2.0))
            ],
            "mcp": [
                {"request": "tools/list", "body_bytes": 6_000}
                | {"first_answer_ms": {"median": 3.0, "minimum": 2.5}}
                | {"warm_ms": {"median": 0.2, "minimum": 0.1}}
                | {"cpu_per_warm_request_ms": {"median": 0.4, "minimum": 0.3}}
            ],
            "starts": [
                {"route": "user-event-types", "known": "to_table", "calendly_calls": 1}
                | {f"{what}_ms": summary(what) for what in ("init", "first_request", "first_answer")}
            ],
            "by_hand": [
                {"question": "a year", "form": cost(1, 1, 21.0, 2_000), "by_hand": cost(3, 12, 66.0, 90_000)}
            ],
            "artifacts": {"peer": {"zip_bytes": 3e7}} | {name: sizes for name in ["floor", *report.FUNCTIONS]},
        }
    )


def cost(requests, calls, milliseconds, size):
    return {
        "requests": requests,
        "calendly_calls": calls,
        "ms": {"median": milliseconds, "minimum": milliseconds},
        "answer_bytes": size,
    }


if __name__ == "__main__":
    unittest.main()
