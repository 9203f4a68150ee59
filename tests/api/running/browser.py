"""Tests in Debian's Chromium, which may contact only the bundle.

A nonexistent proxy blocks all other requests. Playwright's interception is not used for this, because it also answers
preflight requests in place of the gateway.
"""

import os
import shutil
import unittest
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

import bundle

ROOT = Path(__file__).resolve().parents[3]
# As root, as in a container, Chromium has no sandbox of its own.
ARGUMENTS = ["--no-sandbox"] if os.geteuid() == 0 else []
# Chromium does not use a proxy for loopback addresses.
NO_PROXY = "http://127.0.0.1:1"
OWN = (bundle.FUNCTIONS + "/", bundle.SANDBOX + "/", "data:")

expect.set_options(timeout=15_000)


class BrowserTest(unittest.TestCase):
    """A page in a new browser profile for each test."""

    zone = "Europe/Madrid"

    @classmethod
    def setUpClass(cls):
        cls._playwright = sync_playwright().start()
        cls.addClassCleanup(cls._playwright.stop)
        chromium = shutil.which("chromium")
        arguments = [*ARGUMENTS, f"--proxy-server={NO_PROXY}"]
        cls.browser = cls._playwright.chromium.launch(executable_path=chromium, args=arguments)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        bundle.clear_faults()
        self.outside, self.complaints = [], []
        self.page = self.new_page()

    def new_page(self, **options):
        context = self.browser.new_context(**{"timezone_id": self.zone, "locale": "en-GB", **options})
        self.addCleanup(context.close)
        context.on("request", lambda request: self._note(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: "Content Security" in message.text and self.complaints.append(message.text))
        return page

    def tearDown(self):
        self.assertEqual(self.outside, [], "requests to other addresses")
        self.assertEqual(self.complaints, [], "errors in a page's scripts")

    def _note(self, url):
        if not url.startswith(OWN):
            self.outside.append(url)

    def answers(self, part):
        """A list that collects the answers to GET requests whose URL contains `part`, as they arrive."""
        found = []

        def collect(response):
            # A body is read later: this handler must not wait.
            if part in response.url and response.request.method == "GET":
                found.append(response)

        self.page.on("response", collect)
        return found
