"""The DynamoDB table that environments share: items with a value and a lease, and the units that calls consume."""

import math
from collections import Counter, namedtuple

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html: an eventually
# consistent read, GetItem's default, takes half a unit per 4 KB; a write takes a unit per 1 KB.
READ_BYTES = 4096
CONSISTENT_READ = 2
WRITE_BYTES = 1024

# The key, the lease and the expiry.
EMPTY_BYTES = 120

Item = namedtuple("Item", "value lease")
NOTHING = Item(None, None)


class Table:
    """A table whose values have `value_bytes` each."""

    def __init__(self, simulation, seconds, value_bytes):
        self.simulation = simulation
        self.seconds = seconds
        self.value_bytes = value_bytes
        self._items = {}
        # {(item, second): units}
        self.read_units = Counter()
        self.write_units = Counter()

    def get(self, name):
        """Reads an item. Every call is a process."""
        return self._call(lambda: self._read(name))

    def put(self, name, value):
        """Replaces the item, including its lease."""
        return self._call(lambda: self._write(name, lambda _: Item(value, None)))

    def take_lease(self, name, seen, until):
        """Takes the lease if it is still `seen`; returns whether it did."""

        def take(item):
            return item._replace(lease=until) if item.lease == seen else None

        return self._call(lambda: self._write(name, take))

    def release(self, name, lease):
        """Releases a lease if it is still held."""

        def give(item):
            return item._replace(lease=None) if item.lease == lease else None

        return self._call(lambda: self._write(name, give))

    def _call(self, what):
        yield self.simulation.timeout(self.seconds / 2)
        answer = what()
        yield self.simulation.timeout(self.seconds / 2)
        return answer

    def _read(self, name):
        item = self._items.get(name, NOTHING)
        units = math.ceil(self._size(item) / READ_BYTES) / CONSISTENT_READ
        self.read_units[name, int(self.simulation.now)] += units
        return item

    def _write(self, name, change):
        """Counts the larger of the old and the new item, even if the condition fails."""
        before = self._items.get(name, NOTHING)
        after = change(before)
        size = max(self._size(before), self._size(after or before))
        self.write_units[name, int(self.simulation.now)] += math.ceil(size / WRITE_BYTES)
        if after is None:
            return False
        self._items[name] = after
        return True

    def _size(self, item):
        return EMPTY_BYTES + (self.value_bytes if item.value else 0)
