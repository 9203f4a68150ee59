"""The DynamoDB table that environments share: items with a value and a lease, and the units that calls consume."""

import math
from collections import Counter, namedtuple

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html: an eventually
# consistent read, GetItem's default, takes half a unit per 4 KB; a write takes a unit per 1 KB.
READ_BYTES = 4096
CONSISTENT_READ = 2
WRITE_BYTES = 1024

# The key, the lease and the expiry; and gzipped slots of a month, every half an hour of working days.
EMPTY_BYTES = 120
VALUE_BYTES = 3_100

Item = namedtuple("Item", "value is_leased")
NOTHING = Item(None, is_leased=False)


class Table:
    """Each call takes `seconds`."""

    def __init__(self, simulation, seconds):
        self.simulation = simulation
        self.seconds = seconds
        self._items = {}
        # {(item, second): units}
        self.read_units = Counter()
        self.write_units = Counter()

    def get(self, name):
        """Reads an item. Every call is a process."""
        return self._call(lambda: self._read(name))

    def put(self, name, value):
        """Replaces the item, including its lease."""
        return self._call(lambda: self._write(name, lambda _: Item(value, is_leased=False)))

    def take_lease(self, name):
        """Takes the lease unless it is taken; returns whether it did."""
        return self._call(
            lambda: self._write(name, lambda item: None if item.is_leased else item._replace(is_leased=True))
        )

    def release(self, name):
        """Releases the lease."""
        return self._call(lambda: self._write(name, lambda item: item._replace(is_leased=False)))

    def _call(self, what):
        yield self.simulation.timeout(self.seconds / 2)
        answer = what()
        yield self.simulation.timeout(self.seconds / 2)
        return answer

    def _read(self, name):
        item = self._items.get(name, NOTHING)
        units = math.ceil(size_of(item) / READ_BYTES) / CONSISTENT_READ
        self.read_units[name, int(self.simulation.now)] += units
        return item

    def _write(self, name, change):
        """Counts the units of a write, even if its condition fails. Items never shrink."""
        before = self._items.get(name, NOTHING)
        after = change(before)
        units = math.ceil(size_of(after or before) / WRITE_BYTES)
        self.write_units[name, int(self.simulation.now)] += units
        if after is None:
            return False
        self._items[name] = after
        return True


def size_of(item):
    return EMPTY_BYTES + (VALUE_BYTES if item.value else 0)
