"""Bills that can be worked out by hand."""

import unittest

import prices

NOTHING = dict.fromkeys(
    (
        "requests",
        "invocations",
        "served_seconds",
        "read_units",
        "write_units",
        "secret_reads",
        "secrets",
    ),
    0,
) | {"bytes_out": 0}


class Bill(unittest.TestCase):
    def test_each_part_has_its_price(self):
        for amounts, part, dollars in [
            ({"requests": 1_000_000}, "gateway", 1.00),
            ({"invocations": 1_000_000}, "functions", 0.20),
            # docs/operations.md: a million requests that wait 150 ms.
            ({"served_seconds": 150_000}, "functions", 0.50),
            ({"read_units": 1_000_000}, "table", 0.125),
            ({"write_units": 1_000_000}, "table", 0.625),
            ({"requests": 1_000_000}, "logs", 0.98),
            ({"secrets": 1, "secret_reads": 20_000}, "secrets", 0.50),
            ({"bytes_out": 100 * 1024**3}, "transfer", 9.00),
        ]:
            bill = prices.month(**NOTHING | amounts)
            self.assertAlmostEqual(getattr(bill, part), dollars, delta=0.005, msg=f"{amounts}")

    def test_monitoring_with_default_parameters(self):
        self.assertAlmostEqual(prices.monitoring(has_cache=False, has_table=False), 15.70)
        self.assertAlmostEqual(prices.monitoring(has_cache=True, has_table=True), 17.80)

    def test_nothing_costs_nothing(self):
        self.assertEqual(sum(prices.month(**NOTHING)), 0)

    def test_what_is_over_a_tier_has_the_next_price(self):
        self.assertAlmostEqual(prices.month(**NOTHING | {"requests": 4e8}).gateway, 300 + 90)
        self.assertAlmostEqual(prices.tiered(60_000, prices.TRANSFER_TIERS), 921.6 + 3481.6 + 616)


if __name__ == "__main__":
    unittest.main()
