"""The report's figures. `report.py check` compares its tables and its plot with the pages."""

import json
import unittest

import report
from page_tables import replaced


class Report(unittest.TestCase):
    def test_a_part_replaces_the_text_between_its_markers(self):
        page = "x\n<!-- bench: a -->\n{}\n<!-- bench: end -->\ny\n<!-- bench: b -->\nz\n<!-- bench: end -->\n"
        self.assertEqual(replaced(page.format("old"), "bench", "a", "new"), page.format("\nnew\n"))
        with self.assertRaisesRegex(SystemExit, "no place for 'c'"):
            replaced(page, "bench", "c", "new")

    def test_numbers_have_their_significant_digits(self):
        shown = [report.number(value) for value in (0.0512, 0.512, 2.346, 23.46, 234.6, 12_345.6)]
        self.assertEqual(shown, ["0.051", "0.512", "2.35", "23.5", "235", "12,346"])

    def test_results_are_written_with_six_digits_and_a_row_a_line(self):
        self.assertEqual(report.text_of({"ms": [0.14943700000000001]}), '{"ms": [0.149437]}')
        text = report.RESULTS.read_text()
        self.assertEqual(report.text_of(json.loads(text)) + "\n", text)

    def test_the_worst_function_decides_whether_a_target_is_met(self):
        for function, figure, to_floor, missed in [
            ("check-availability", "cpu_until_first_answer_ms", 2.6, "CPU from start to first answer, to the floor's"),
            ("user-event-types", "first_answer_ms", 3.1, "Start to first answer, to the floor's"),
            ("user", "first_answer_ms", 10, "Start to first answer, faster than FastAPI's"),
        ]:
            results = report.Results(json.loads(report.RESULTS.read_text()))
            row, floor = results.row("at_once", function, function), results.row("at_once", *report.FLOOR)
            for ratio, expected in ((1, True), (to_floor, False)):
                row[figure]["median"] = ratio * floor[figure]["median"]
                is_met = {what: is_met for what, _, _, is_met in report.targets(results)}
                self.assertEqual(is_met[missed], expected, missed)


if __name__ == "__main__":
    unittest.main()
