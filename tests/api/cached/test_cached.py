"""`CACHE=1 make run`: cached answers, their age, and `Cache-Control: no-cache`."""

import sys
import unittest
from datetime import date, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "running"))

import bundle  # noqa: E402


# The same day in each request, also around midnight.
DAY = date.today() + timedelta(days=3)


def ask(**headers):
    """Requests one window."""
    return bundle.request(
        "GET",
        "/calendly/check-availability",
        params={"start_time": str(DAY), "end_time": str(DAY + timedelta(days=1))},
        headers={"Authorization": f"Bearer {bundle.token()}"} | headers,
    )


class Cached(unittest.TestCase):
    def setUp(self):
        self.first = ask(**{"Cache-Control": "no-cache"})
        self.assertEqual(self.first.status_code, 200)
        self.assertIn("Age", self.first.headers)
        self.addCleanup(bundle.clear_faults)

    def test_a_cached_answer_is_served_while_calendly_fails(self):
        bundle.fault("/event_type_available_times", 10, 500)
        again = ask()
        self.assertEqual((again.status_code, again.content), (200, self.first.content))
        self.assertIn("as_of", again.json())

    def test_no_cache_asks_calendly(self):
        bundle.fault("/event_type_available_times", 10, 404)
        self.assertEqual(ask(**{"Cache-Control": "no-cache"}).status_code, 404)


if __name__ == "__main__":
    unittest.main()
