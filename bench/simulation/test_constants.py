"""The model's constants equal those of the Rust code."""

import re
import unittest
from pathlib import Path

import deployment
import settings
import windows

ROOT = Path(__file__).resolve().parents[2]
CALENDLY, CHECK = "shared/src/calendly", "functions/check-availability/src"
REMOTE = "shared/src/cache/remote"

# {constant: (Rust file, name of its constant or of the field that is set to it)}
CONSTANTS = {
    (settings, "MAX_COALESCE_WAIT"): (f"{CHECK}/availability_cache.rs", "MAX_COALESCE_WAIT"),
    (settings, "TIMEOUT_WITH_STALE"): (f"{CHECK}/availability_cache.rs", "TIMEOUT_WITH_STALE"),
    (settings, "MIN_BACKOFF"): (f"{CHECK}/availability_cache.rs", "INITIAL_BACKOFF"),
    (settings, "MAX_BACKOFF"): (f"{CHECK}/availability_cache.rs", "MAX_BACKOFF"),
    (settings, "CACHE_BYTES"): (f"{CHECK}/availability_cache.rs", "MAX_BYTES"),
    (settings, "LEASE_DURATION"): (f"{REMOTE}/remote_cache.rs", "LEASE_DURATION"),
    (settings, "POLL_INTERVAL"): (f"{REMOTE}/remote_cache.rs", "POLL_INTERVAL"),
    (settings, "MIN_ATTEMPT"): (f"{CALENDLY}/retry.rs", "MIN_ATTEMPT_TIME"),
    (settings, "MAX_REQUESTED_WAIT"): (f"{CALENDLY}/retry.rs", "MAX_REQUESTED_WAIT"),
    (settings, "LOW_QUOTA_RATIO"): (f"{CALENDLY}/rate_limit.rs", "LOW_QUOTA_RATIO"),
    (settings, "RESERVE"): ("shared/src/lambda/deadline.rs", "RESERVE"),
    (settings, "MAX_IN_FLIGHT"): (f"{CHECK}/fetch.rs", "MAX_CALLS_PER_EVENT_TYPE"),
    (windows, "LONGEST"): (f"{CALENDLY}/available_times.rs", "MAX"),
    (windows, "HEAD_START"): (f"{CHECK}/question/time_range.rs", "LEAD_TIME"),
    (windows, "ON_THE_WAY"): (f"{CHECK}/question/time_range.rs", "TRANSIT_TIME"),
    (deployment, "RATE_LIMIT"): ("sandbox/src/config.rs", "rate_limit"),
}
UNITS = {
    "from_millis": 0.001,
    "milliseconds": 0.001,
    "from_secs": 1,
    "seconds": 1,
    "minutes": 60,
    "days": 86_400,
}


def rust_value(source, name):
    """The number, in seconds for a duration, that a constant or field is set to."""
    found = re.search(rf"\b{name}: (?:[\w:]+ = )?(?:[\w:]+::(\w+)\()?([\d_ .*+]+)\)?[;,]", source)
    assert found, f"{name} is not set to a number or duration"
    # Digits and operators only.
    return eval(found[2]) * UNITS.get(found[1], 1)


class Constants(unittest.TestCase):
    def test_each_has_the_value_of_the_code(self):
        for (module, name), (file, rust_name) in CONSTANTS.items():
            with self.subTest(name):
                self.assertAlmostEqual(getattr(module, name), rust_value((ROOT / file).read_text(), rust_name))


if __name__ == "__main__":
    unittest.main()
