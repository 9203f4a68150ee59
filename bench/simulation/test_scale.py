"""What is made of what was simulated."""

import unittest
from xml.etree import ElementTree

import scale
import sweep

ANSWERED = {"ok": 1.0, "refused": 0.0, "throttled": 0.0, "most_calls_a_minute": 10}


def rows(**changed):
    """What each setting makes of a month, as if it were good but for what is changed of some."""
    return scale.Results(
        {"part": "traffic", "key": [1e6, "even", setting], **ANSWERED, **changed.get(setting.split(",")[0], {})}
        for setting in sweep.SETTINGS
    )


class Choice(unittest.TestCase):
    def test_the_first_that_will_do_is_chosen(self):
        self.assertEqual(scale.chosen(rows(), 1e6, "even"), "off")

    def test_not_one_that_uses_most_of_the_allowance_or_refuses(self):
        for trouble in ({"most_calls_a_minute": 401}, {"ok": 0.999}):
            self.assertEqual(scale.chosen(rows(off=trouble), 1e6, "even"), "15 s")

    def test_none_where_none_will_do(self):
        trouble = {setting.split(",")[0]: {"ok": 0.5} for setting in sweep.SETTINGS}
        self.assertIsNone(scale.chosen(rows(**trouble), 1e6, "even"))


class Figures(unittest.TestCase):
    def test_little_is_not_nothing_and_nearly_all_is_not_all(self):
        shown = [scale.percent(part) for part in (0, 0.0004, 0.05, 0.9996, 1)]
        self.assertEqual(shown, ["0.0 %", "< 0.1 %", "5.0 %", "> 99.9 %", "100.0 %"])

    def test_a_figure_that_differs_is_named(self):
        kept = {"ok": 1.0, "calls": 100, "bill": {}}
        self.assertIsNone(scale.difference(kept, {"ok": 1.0, "calls": 100.5, "bill": {}}))
        self.assertEqual(scale.difference(kept, {"ok": 1.0, "calls": 102, "bill": {}}), "calls")


class Walls(unittest.TestCase):
    def test_where_a_figure_comes_to_its_limit_is_between_two_that_were_simulated_or_beyond_the_last(self):
        results = scale.Results(
            {"part": "walls", "key": [rate], "grows": rate / 100, "squared": rate**2}
            for rate in sweep.WALL_RATES
        )
        for what, limit, rate in [("grows", 50, 5_000), ("grows", 500, 50_000), ("squared", 2.5e5, 500)]:
            self.assertAlmostEqual(scale.rate_at(what, limit, results), rate)


class Simulated(unittest.TestCase):
    def test_no_two_rows_have_the_same_key(self):
        keys = [(row[0], *row[1]) for row in sweep.rows()]
        self.assertEqual(len(set(keys)), len(keys))

    def test_some_of_each_pattern_and_setting_are_simulated_anew_each_time(self):
        keys = [row[1] for row in sweep.rows() if sweep.is_checked(row)]
        self.assertEqual({setting for _, _, setting in keys}, set(sweep.SETTINGS))
        self.assertEqual({pattern for _, pattern, _ in keys}, set(scale.PATTERNS))


def drawn():
    points = [
        {"part": "curves", "key": [setting, month]}
        | {"a_second": month / 1e6, "calls_a_minute": 5, "environments": 2}
        for setting in sweep.CURVES
        for month in sweep.CURVE_MONTHS
    ]
    return scale.plot(scale.Results(points))


class Drawing(unittest.TestCase):
    def test_it_is_the_same_each_time_and_names_each_setting_and_both_limits(self):
        drawing = drawn()
        self.assertEqual(drawing, drawn())
        elements = ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")
        texts = {element.text for element in elements}
        limits = {"Calendly allows 500", "Lambda allows 1,000 at first"}
        self.assertLessEqual({*sweep.CURVES} | limits, texts)
        self.assertIn("prefers-color-scheme: dark", drawing)


if __name__ == "__main__":
    unittest.main()
