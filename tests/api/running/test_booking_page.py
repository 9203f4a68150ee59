"""The booking page in a browser, compared with what the API answers."""

import re
import unittest
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

import bundle
from browser import BrowserTest

TIMES = "/event_type_available_times"
LIST = "/event_types"
ANSWER = "/calendly/check-availability"
# Its clocks change in the night to a Friday, so that a week has both offsets on working days.
MID_WEEK = "Africa/Cairo"


def now():
    return datetime.now(UTC)


def next_clock_change(zone):
    """The first moment, to the hour, after the coming week at which a zone has another offset."""
    moment = now().replace(minute=0, second=0, microsecond=0) + timedelta(weeks=1)
    offset = moment.astimezone(zone).utcoffset()
    while moment.astimezone(zone).utcoffset() == offset:
        moment += timedelta(hours=1)
    return moment


class BookingPage(BrowserTest):
    def open(self, page=None, at=None, until="ready"):
        """Opens the page, as if it were `at`, and waits for its first answer."""
        page = page or self.page
        if at:
            page.clock.install(time=at)
        page.goto(f"{bundle.SANDBOX}/")
        if until == "ready":
            self.wait(page)

    def wait(self, page=None):
        page = page or self.page
        expect(page.locator("#status")).to_contain_text("in this week")
        expect(page.locator("#calendar")).to_have_attribute("aria-busy", "false")

    def choose(self, *event_types, zone=None):
        """The API's answer to the last question that this asks."""
        page = self.page
        steps = []
        if event_types:
            for box in page.locator("#event-types input:checked").all():
                box.uncheck()
            expect(page.locator("#status")).to_have_text("Choose what for.")
            steps = [page.get_by_label(event_type, exact=True).check for event_type in event_types]
        if zone:
            steps.append(lambda: page.select_option("#time-zone", label=zone))
        for step in steps:
            with page.expect_response(lambda answer: ANSWER in answer.url) as answer:
                step()
            answer.value.finished()
        self.wait()
        return answer.value.url

    def shown(self):
        """[(time, address)] of the slots in the calendar."""
        slots = self.page.locator("a.fc-event").all()
        return sorted((slot.locator(".fc-event-time").inner_text()[:5], slot.get_attribute("href")) for slot in slots)

    def answered(self, url):
        """The same of what the API answers, asked once more."""
        query = parse_qs(urlsplit(url).query)
        slots = bundle.ask("check-availability", **query).raise_for_status().json()["collection"]
        return slots, sorted(
            (slot["local_start_time"][11:16], slot["scheduling_url"])
            for slot in slots
            if slot["status"] == "available"
        )

    def test_the_slots_are_those_of_the_api(self):
        # A week ahead, lest a slot passes between the two questions.
        self.open(at=now() + timedelta(weeks=1))
        url = self.choose("Demo (30 minutes)", zone="America/New York")
        self.assertIn("timezone=America%2FNew_York", url)
        _, expected = self.answered(url)
        self.assertGreater(len(expected), 5)
        self.assertEqual(self.shown(), expected)
        expect(self.page.locator("#status")).to_have_text(f"{len(expected)} open times in this week.")

    def test_when_all_of_several_are_free(self):
        self.open(at=now() + timedelta(weeks=1))
        url = self.choose("Demo (30 minutes)", "Mentoring (60 minutes)", zone="America/New York")
        query = parse_qs(urlsplit(url).query)
        self.assertEqual((len(query["event_type"]), query["match"]), (2, ["all"]))
        entries = bundle.ask("check-availability", **query).raise_for_status().json()["collection"]
        names = {event_type["uri"]: event_type["name"] for event_type in bundle.ask("user-event-types").json()}
        expected = sorted(
            (entry["local_start_time"][11:16], names[uri], slot["scheduling_url"])
            for entry in entries
            for uri, slot in entry["slots"].items()
        )
        shown = sorted(
            (
                link.locator(".fc-event-time").text_content()[:5],
                link.locator(".fc-event-title").inner_text(),
                link.get_attribute("href"),
            )
            for link in self.page.locator("a.fc-event").all()
        )
        self.assertGreater(len(entries), 3)
        self.assertEqual(shown, expected)
        expect(self.page.locator("#status")).to_have_text(f"{len(entries)} open times in this week.")
        for name in ("Demo", "Mentoring"):
            link = self.page.get_by_role("link", name=re.compile(rf"^Book {name}, \w+day \d+ \w+ at \d\d:\d\d GMT"))
            self.assertEqual(link.count(), len(entries))

    def test_nothing_chosen_is_nothing_shown(self):
        self.open(at=now() + timedelta(weeks=1))
        before = self.shown()
        box = self.page.locator("#event-types input:checked")
        chosen = box.get_attribute("value")
        box.uncheck()
        expect(self.page.locator("#status")).to_have_text("Choose what for.")
        self.assertEqual(self.shown(), [])
        self.page.locator(f"#event-types input[value='{chosen}']").check()
        self.wait()
        self.assertEqual(self.shown(), before)

    def test_the_visitors_own_zone_comes_first(self):
        self.open()
        expect(self.page.locator("#time-zone")).to_have_value("Europe/Madrid")

    def test_only_what_can_be_booked_is_offered(self):
        self.open()
        offered = [text.strip() for text in self.page.locator("#event-types label").all_inner_texts()]
        everything = bundle.ask("user-event-types", active="true").raise_for_status().json()
        for event_type in everything:
            bookable = event_type["booking_method"] == "instant" and not event_type["deleted_at"]
            is_offered = f"{event_type['name']} ({event_type['duration']:g} minutes)" in offered
            self.assertEqual(is_offered, bookable and not event_type["secret"], event_type["name"])

    def test_a_clock_change_is_crossed(self):
        change = next_clock_change(ZoneInfo(MID_WEEK))
        self.open(at=change - timedelta(days=2))
        url = self.choose("Demo (30 minutes)", zone=MID_WEEK)
        slots, expected = self.answered(url)
        self.assertEqual(len({slot["local_start_time"][-6:] for slot in slots}), 2, "two offsets in this week")
        self.assertEqual(self.shown(), expected)

    def test_another_week_is_another_question(self):
        self.open(at=now() + timedelta(weeks=1))
        before = self.shown()
        with self.page.expect_response(lambda answer: ANSWER in answer.url) as answer:
            self.page.get_by_role("button", name="Next week").click()
        answer.value.finished()
        self.wait()
        self.assertNotEqual(self.shown(), before)
        self.assertEqual(self.shown(), self.answered(answer.value.url)[1])

    def test_an_empty_week(self):
        # Beyond how far ahead anything can be booked.
        self.open(at=now() + timedelta(weeks=60))
        expect(self.page.locator("#status")).to_have_text("No open times in this week: look at another one.")
        self.assertEqual(self.shown(), [])

    def test_an_error_is_said_in_words_and_tried_again(self):
        body = {"title": "Resource Not Found", "message": "The event type is gone."}
        bundle.fault(TIMES, 1, 404, body=body)
        answers = self.answers(ANSWER)
        self.open(until=None)
        box = self.page.get_by_role("alert")
        expect(box).to_contain_text("Calendly refused the request.")
        expect(box).to_contain_text("Calendly answered 404 Not Found: The event type is gone.")
        expect(box).to_contain_text(answers[0][2]["request_id"])
        self.page.get_by_role("button", name="Try again").click()
        self.wait()
        expect(box).to_be_empty()
        self.assertGreater(len(self.shown()), 5)

    def test_a_429_waits_as_long_as_it_says(self):
        bundle.fault(TIMES, 1, 429, headers={"retry-after": "60"})
        answers = self.answers(ANSWER)
        self.open(at=now(), until=None)
        box = self.page.get_by_role("alert")
        expect(box).to_contain_text("Too many people are looking at the moment.")
        expect(box).to_contain_text("Trying again in 60 seconds.")
        self.assertEqual([status for _, status, _ in answers], [429])
        asked = []
        self.page.on("request", lambda request: asked.append(request.url))
        self.page.clock.run_for(58_000)
        # Whatever was to be asked by now was asked before this.
        self.page.evaluate("fetch('/page.css').then(answer => answer.text())")
        self.assertEqual(asked, [f"{bundle.SANDBOX}/page.css"])
        self.page.clock.run_for(3_000)
        self.wait()
        expect(box).to_be_empty()
        self.assertEqual([status for _, status, _ in answers], [429, 200])

    def test_a_zone_chosen_before_there_is_anything_to_book_stops_nothing(self):
        bundle.fault(LIST, 1, 429, headers={"retry-after": "60"})
        asked = self.answers(ANSWER)
        self.open(at=now(), until=None)
        expect(self.page.get_by_role("alert")).to_contain_text("Trying again in 60 seconds.")
        self.page.select_option("#time-zone", label="UTC")
        self.page.clock.run_for(61_000)
        self.wait()
        self.assertGreater(self.page.locator("#event-types input").count(), 1)
        [(url, status, _)] = asked
        self.assertEqual(status, 200)
        self.assertIn("timezone=UTC", url)

    def test_an_expired_token_is_renewed(self):
        expired = bundle.mint(exp=int(now().timestamp()) - 3600)
        given = []

        def first_an_expired_one(route):
            given.append(route.request.url)
            if len(given) == 1:
                route.fulfill(json={"access_token": expired, "expires_in": 3600})
            else:
                route.continue_()

        self.page.route("**/issuer/token", first_an_expired_one)
        answers = self.answers("/calendly/")
        self.open()
        self.assertEqual([status for _, status, _ in answers], [401, 200, 200])
        self.assertEqual(answers[0][2]["code"], "token_expired")
        self.assertEqual(len(given), 2)

    def test_a_token_is_renewed_before_it_expires(self):
        self.open(at=now())
        self.page.clock.fast_forward("01:00:00")
        with self.page.expect_response("**/issuer/token") as renewed:
            self.page.select_option("#time-zone", label="UTC")
        self.assertEqual(renewed.value.status, 200)
        self.wait()

    def test_no_service_is_no_blank_page(self):
        self.page.route("**/calendly/**", lambda route: route.abort())
        self.open(until=None)
        expect(self.page.get_by_role("alert")).to_contain_text("The service cannot be reached.")
        self.page.unroute("**/calendly/**")
        self.page.get_by_role("button", name="Try again").click()
        self.wait()

    def test_an_issuer_that_fails_is_no_blank_page(self):
        self.page.route("**/issuer/token", lambda route: route.fulfill(status=500))
        self.open(until=None)
        expect(self.page.get_by_role("alert")).to_contain_text("The issuer answered 500.")

    def test_a_script_that_does_not_load_is_no_page_that_waits_for_ever(self):
        for script in ("index.global.min.js", "page.js", "api.js"):
            with self.subTest(script):
                page = self.new_page()
                page.route(f"**/{script}", lambda route: route.fulfill(status=404))
                page.goto(f"{bundle.SANDBOX}/")
                expect(page.get_by_role("status")).to_contain_text("A part of this page did not load.")
        # That is what page.js stumbles over.
        self.assertEqual([text for text in self.complaints if "FullCalendar" not in text], [])
        self.complaints.clear()

    def test_an_answer_of_the_gateway_itself(self):
        body = {"message": "Service Unavailable"}
        headers = {"Access-Control-Allow-Origin": bundle.SANDBOX}
        self.page.route("**/calendly/**", lambda route: route.fulfill(status=503, json=body, headers=headers))
        self.open(until=None)
        expect(self.page.get_by_role("alert")).to_contain_text("The service has a problem.")
        expect(self.page.get_by_role("alert")).to_contain_text("Service Unavailable")

    def test_the_keyboard_reaches_a_slot(self):
        self.open(at=now() + timedelta(weeks=1))
        event_types = self.page.locator("#event-types input").count()
        self.assertGreater(event_types, 1)
        reached = []
        for _ in range(event_types + 12):
            self.page.keyboard.press("Tab")
            reached.append(self.page.evaluate("document.activeElement.type || document.activeElement.className"))
            if "fc-event" in reached[-1]:
                break
        self.assertEqual(reached[: event_types + 1], ["checkbox"] * event_types + ["select-one"])
        self.assertIn("fc-event", reached[-1])
        focused = self.page.locator(":focus")
        self.assertEqual(focused.get_attribute("href"), self.page.locator("a.fc-event").first.get_attribute("href"))
        self.assertNotEqual(focused.evaluate("element => getComputedStyle(element).outlineStyle"), "none")

    def test_the_keyboard_chooses_a_second_event_type(self):
        self.open(at=now() + timedelta(weeks=1))
        self.page.locator("#event-types input").nth(0).focus()
        self.page.keyboard.press("Tab")
        with self.page.expect_response(lambda answer: ANSWER in answer.url) as answer:
            self.page.keyboard.press("Space")
        self.assertIn("match=all", answer.value.url)
        self.wait()

    def test_a_screen_reader_is_told(self):
        self.open(at=now() + timedelta(weeks=1))
        book = re.compile(r"^Book (Mon|Tues|Wednes|Thurs|Fri)day \d+ \w+ at \d\d:\d\d GMT[+\d]*$")
        links = self.page.get_by_role("link", name=book)
        self.assertEqual(links.count(), self.page.locator("a.fc-event").count())
        for role, name in (
            ("group", "What for"), ("combobox", "Time zone"), ("button", "Next week"), ("button", "Previous week"),
            ("heading", "Book a time"),
        ):  # fmt: skip
            expect(self.page.get_by_role(role, name=name)).to_have_count(1)
        expect(self.page.get_by_role("status")).to_contain_text("open times")

    def test_a_narrow_window_in_the_dark(self):
        page = self.new_page(viewport={"width": 320, "height": 640}, color_scheme="dark")
        self.open(page)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
        expect(page.locator(".fc-list-event a").first).to_be_visible()
        colours = page.evaluate("[getComputedStyle(document.body).color, matchMedia('(prefers-color-scheme: dark)').matches]")
        self.assertEqual(colours, ["rgb(255, 255, 255)", True])


if __name__ == "__main__":
    unittest.main()
