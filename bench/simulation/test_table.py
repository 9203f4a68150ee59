"""What calls of the table do and consume."""

import unittest

import simpy
from table import Table


class Units(unittest.TestCase):
    def setUp(self):
        self.simulation = simpy.Environment()
        self.table = Table(self.simulation, 0.01, 4_000)

    def do(self, call):
        return self.simulation.run(self.simulation.process(call))

    def read(self):
        return sum(self.table.read_units.values())

    def written(self):
        return sum(self.table.write_units.values())

    def test_a_read_is_half_a_unit_for_each_4_kb(self):
        self.do(self.table.get("a"))
        self.assertEqual(self.read(), 0.5)
        self.do(self.table.put("a", "value"))
        self.do(self.table.get("a"))
        self.assertEqual(self.read(), 0.5 + 1)

    def test_a_write_is_a_unit_for_each_kb_of_the_larger_item_before_and_after(self):
        self.do(self.table.take_lease("a", None, 3))
        self.assertEqual(self.written(), 1)
        self.do(self.table.put("a", "value"))
        self.assertEqual(self.written(), 1 + 5)
        self.do(self.table.take_lease("a", None, 3))
        self.assertEqual(self.written(), 1 + 5 + 5)

    def test_a_refused_write_costs_as_much(self):
        self.assertTrue(self.do(self.table.take_lease("a", None, 3)))
        self.assertFalse(self.do(self.table.take_lease("a", None, 4)))
        self.assertEqual(self.written(), 2)

    def test_a_lease_is_taken_from_whoever_had_it_and_given_back_once(self):
        self.do(self.table.take_lease("a", None, 3))
        self.assertTrue(self.do(self.table.take_lease("a", 3, 6)))
        self.assertFalse(self.do(self.table.release("a", 3)))
        self.assertTrue(self.do(self.table.release("a", 6)))
        self.assertIsNone(self.do(self.table.get("a")).lease)

    def test_an_answer_ends_the_lease(self):
        self.do(self.table.take_lease("a", None, 3))
        self.do(self.table.put("a", "value"))
        self.assertEqual(self.do(self.table.get("a")), ("value", None))

    def test_a_call_takes_its_time(self):
        self.do(self.table.get("a"))
        self.assertAlmostEqual(self.simulation.now, 0.01)


if __name__ == "__main__":
    unittest.main()
