"""The gateway of a local run: CORS, concurrency, and the examples of openapi.yaml."""

import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

import bundle

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests" / "api" / "description"))

import description  # noqa: E402

ROUTE = "/calendly/user"


class Cors(unittest.TestCase):
    """The pages' own origins are allowed: otherwise, no page would work."""

    def test_other_origins_are_not_allowed(self):
        for origin in ("https://evil.example", "null", bundle.SANDBOX + ".evil.example"):
            for method in ("OPTIONS", "GET"):
                headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
                answer = bundle.request(method, ROUTE, headers=headers)
                found = [name for name in answer.headers if name.startswith("access-control-")]
                self.assertEqual(found, [], (method, origin))


class Concurrency(unittest.TestCase):
    def test_a_slow_request_does_not_hold_up_others(self):
        bundle.hang("/event_types")
        bundle.clear_calls()
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(bundle.ask, "user-event-types")
            deadline = time.monotonic() + 10
            while "/event_types" not in bundle.called_paths():
                self.assertLess(time.monotonic(), deadline, "no call of /event_types")
                time.sleep(0.02)
            answer = bundle.request("GET", "/calendly/user-event-types")
            self.assertEqual((answer.status_code, slow.done()), (401, False))
            self.assertEqual(slow.result().status_code, 200)


class Served(unittest.TestCase):
    def test_every_example_of_a_parameter_is_accepted(self):
        served = httpx.get(f"{bundle.SANDBOX}/openapi.json", trust_env=False).json()
        examples = {one["name"]: one["examples"] for one in served["components"]["parameters"].values()}
        first = {name: next(iter(values.values()))["value"] for name, values in examples.items()}
        for operation_id, operation in description.operations().items():
            for name in (one["name"] for one in description.parameters(operation)):
                beside = ["timezone", "event_type"] + (["start_time", "end_time"] if name != "at" else [])
                usual = {other: first[other] for other in beside} if operation_id == "check-availability" else {}
                for label, example in examples[name].items():
                    with self.subTest(f"{operation_id} {name} {label}"):
                        answer = bundle.ask(operation_id, **usual | {name: example["value"]})
                        # The sandbox's Calendly has no event type with the identifiers of the examples.
                        expected = 404 if label in ("uri", "uuid") else 200
                        self.assertEqual(answer.status_code, expected, answer.text)


if __name__ == "__main__":
    unittest.main()
