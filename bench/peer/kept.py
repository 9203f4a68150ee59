"""What is kept between requests of one Lambda environment, which takes one request at a time."""

import time


class Kept:
    """Values by key, each for `seconds`."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._values = {}

    def get(self, key):
        until, value = self._values.get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def keep(self, key, value):
        self._values[key] = (time.monotonic() + self._seconds, value)
