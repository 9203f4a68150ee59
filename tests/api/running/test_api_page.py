"""The API page in a browser: try the routes, sign in and out, see an error."""

import json
import unittest
from datetime import date
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

import bundle
from browser import BrowserTest


class ApiPage(BrowserTest):
    def setUp(self):
        super().setUp()
        self.page.goto(f"{bundle.SANDBOX}/docs")
        expect(self.page.get_by_role("status")).to_have_text("You are signed in as the demo user, for an hour.")

    def sign_out(self):
        self.page.locator("button.authorize").first.click()
        self.page.get_by_role("button", name="Remove authorization").click()

    def sign_in(self):
        """Signs in with the form of the password flow, which is prefilled with the demo user."""
        form = self.page.locator(".auth-container", has_text="sandbox (OAuth2, password)")
        expect(form.locator("#oauth_username")).to_have_value("demo")
        expect(form.locator("#oauth_password")).to_have_value("demo")
        form.get_by_role("button", name="Apply given OAuth2 credentials").click()
        expect(form.get_by_role("button", name="Remove authorization")).to_be_visible()
        self.page.locator(".close-modal").click()

    def opened(self, operation):
        """An operation's section of the page, with "Try it out" active."""
        block = self.page.locator(f"[id$='-{operation}'].opblock")
        if not block.locator(".opblock-body").count():
            block.locator(".opblock-summary-control").click()
        return block

    def try_out(self, operation, **parameters):
        """Executes an operation with prefilled values, except for these parameters: (request URL, response)."""
        block = self.opened(operation)
        for name, value in parameters.items():
            block.locator(f"tr[data-param-name='{name}'] input[type=text]").fill(value)
        with self.page.expect_response(lambda answer: operation in answer.url) as answer:
            block.get_by_role("button", name="Execute").click()
        live = block.locator(".live-responses-table")
        expect(live.locator("tbody .response-col_status")).to_contain_text(str(answer.value.status))
        return answer.value, live

    def test_each_route_is_tried_with_two_clicks(self):
        purposes = {"user": "Who am I", "user-event-types": "What can be booked", "check-availability": "When is it free"}
        for operation, purpose in purposes.items():
            with self.subTest(operation):
                expect(self.page.locator(f"[id$='-{operation}'].opblock .opblock-summary-description")).to_have_text(purpose)
                answer, live = self.try_out(operation)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.headers["content-type"], "application/json")
                shown = live.locator(".highlight-code code").first.inner_text()
                # The page shows numbers as JavaScript prints them.
                read = lambda text: json.loads(text, parse_int=float)  # noqa: E731
                self.assertEqual(read(shown), read(answer.text()))
        query = parse_qs(urlsplit(answer.url).query)
        self.assertGreater(query["start_time"][0], date.today().isoformat())
        self.assertTrue(answer.json()["available"], "the examples ask about days with open times")

    def test_an_error_shows_its_detail_and_request_id(self):
        answer, live = self.try_out("check-availability", end_time="2020-01-01")
        self.assertEqual(answer.status, 400)
        problem = answer.json()
        self.assertEqual(problem["code"], "invalid_parameter")
        expect(live).to_contain_text(problem["request_id"])
        expect(live).to_contain_text(f"x-request-id: {problem['request_id']}")
        expect(live).to_contain_text("send a later end_time")

    def test_without_a_token_it_says_so_and_the_form_signs_in(self):
        self.sign_out()
        self.page.locator(".close-modal").click()
        answer, live = self.try_out("user")
        self.assertEqual(answer.status, 401)
        expect(live).to_contain_text("token_missing")
        expect(live).to_contain_text("www-authenticate: Bearer")
        self.page.locator("button.authorize").first.click()
        self.sign_in()
        self.assertEqual(self.try_out("user")[0].status, 200)

    def test_failed_sign_in_is_reported(self):
        self.page.route("**/issuer/token", lambda route: route.fulfill(status=500))
        self.page.reload()
        expect(self.page.get_by_role("status")).to_have_text("The demo sign-in failed: press Authorize first.")

    def test_failed_script_load_is_reported(self):
        for script in ("swagger-ui-bundle.js", "page.js"):
            with self.subTest(script):
                page = self.new_page()
                page.route(f"**/{script}", lambda route: route.fulfill(status=404))
                page.goto(f"{bundle.SANDBOX}/docs")
                expect(page.locator("#swagger-ui")).to_contain_text("A part of this page did not load.")
        # page.js fails on the missing SwaggerUIBundle.
        self.assertEqual([text for text in self.complaints if "SwaggerUIBundle" not in text], [])
        self.complaints.clear()


if __name__ == "__main__":
    unittest.main()
