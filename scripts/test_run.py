"""What `make run` prints in the end, beside which there must be room for one's own commands."""

import contextlib
import io
import unittest

import run

LINES, CHARACTERS = 24, 100
# Some as long as they can be, and the others.
ENVIRONMENTS = [
    {},
    {"FUNCTIONS_PORT": "65535", "SANDBOX_PORT": "65534", "SECRETS_MANAGER_PORT": "65533"},
    {"CALENDLY_PAT": "a-token"},
    {"CACHE": "1"},
]


def printed(environment):
    settings = run.Settings(environment)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        run.print_how_to_call(settings, run.sample_requests(settings))
    return output.getvalue()


class HowToCall(unittest.TestCase):
    def test_it_fits_on_a_screen(self):
        for environment in ENVIRONMENTS:
            lines = printed(environment).splitlines()
            self.assertLessEqual(len(lines), LINES)
            self.assertEqual([line for line in lines if len(line) > CHARACTERS], [])

    def test_the_pages_come_first_and_a_short_command_gets_a_token(self):
        text = printed({})
        self.assertEqual(text.split()[0], "http://127.0.0.1:4010/docs")
        self.assertIn("$(make -s token)", text)
        self.assertIn("$(SANDBOX_PORT=65534 make -s token)", printed(ENVIRONMENTS[1]))


if __name__ == "__main__":
    unittest.main()
