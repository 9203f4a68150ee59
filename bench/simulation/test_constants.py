"""The model's constants are those of the Rust code."""

import re
import unittest
from pathlib import Path

import deployment
import settings
import windows

ROOT = Path(__file__).resolve().parents[2]
CALENDLY, CHECK = "shared/src/calendly", "functions/check-availability/src"

# {constant: (Rust file, name of its constant or of the field that is set to it)}
CONSTANTS = {
    (settings, "MAX_COALESCE_WAIT"): (f"{CALENDLY}/kept_times.rs", "PATIENCE"),
    (settings, "TIMEOUT_WITH_STALE"): (f"{CALENDLY}/kept_times.rs", "HURRY"),
    (settings, "MIN_BACKOFF"): (f"{CALENDLY}/kept_times.rs", "first"),
    (settings, "MAX_BACKOFF"): (f"{CALENDLY}/kept_times.rs", "longest"),
    (settings, "CACHE_BYTES"): (f"{CALENDLY}/kept_times.rs", "MOST_KEPT"),
    (settings, "LEASE_DURATION"): ("shared/src/table/shared.rs", "LEASE"),
    (settings, "POLL_INTERVAL"): ("shared/src/table/shared.rs", "POLL"),
    (settings, "MIN_ATTEMPT"): (f"{CALENDLY}/retry.rs", "SHORTEST_TRY"),
    (settings, "LOW_QUOTA_RATIO"): ("shared/src/rate_limit.rs", "PLENTY"),
    (settings, "RESERVE"): ("shared/src/deadline.rs", "RESERVE"),
    (settings, "MAX_IN_FLIGHT"): (f"{CHECK}/ask.rs", "OF_ONE"),
    (windows, "LONGEST"): (f"{CALENDLY}/available_times.rs", "LONGEST"),
    (windows, "HEAD_START"): (f"{CHECK}/range.rs", "HEAD_START"),
    (windows, "ON_THE_WAY"): (f"{CHECK}/range.rs", "ON_THE_WAY"),
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
