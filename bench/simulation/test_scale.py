"""Limits beyond the simulated points."""

import unittest

import scale
import sweep


class Limits(unittest.TestCase):
    def test_limits_are_interpolated_and_extrapolated(self):
        results = {("limits", rate): {"grows": rate / 100, "squared": rate**2} for rate in sweep.LIMIT_RATES}
        for what, limit, rate in [("grows", 50, 5_000), ("grows", 500, 50_000), ("squared", 2.5e5, 500)]:
            self.assertAlmostEqual(scale.rate_at(what, limit, results), rate)


if __name__ == "__main__":
    unittest.main()
