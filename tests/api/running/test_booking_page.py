"""The booking page in a browser: its states, compared with what the API answers."""

import gzip
import re
import unittest
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

import bundle
from browser import ROOT, BrowserTest

AXE = (ROOT / ".venv/npm/api/node_modules/axe-core/axe.min.js").read_text()
LIST = "**/calendly/user-event-types?*"
TIMES = "**/calendly/check-availability?*"
CARD, TIME, LINK, PROBLEM, NONE = ".card:not(.skeleton)", "button.time", "a.primary", ".problem", ".none"
CORS = {"Access-Control-Allow-Origin": bundle.SANDBOX, "Access-Control-Expose-Headers": "retry-after, x-request-id"}
WIRE_LIMIT = 100_000
# The maximum cumulative layout shift; web.dev calls a score of 0.1 good.
SHIFT_LIMIT = 0.02
EMPTY = {"collection": [], "available": False, "next": []}


def tuesday_after(day):
    """A Tuesday in the second week of the month after a day, which has times in every zone."""
    day = (day.replace(day=1) + timedelta(days=32)).replace(day=8)
    return day + timedelta(days=(1 - day.weekday()) % 7)


TODAY = datetime.now(ZoneInfo(BrowserTest.zone)).date()
DAY = tuesday_after(TODAY)
DEMO = f"?event_type=demo&day={DAY}"
BOTH = f"?event_type=demo&event_type=mentoring&day={DAY}"


def clock(text, hours, marks=("AM", "PM")):
    """A time of day, `10:30`, as a 12-hour or 24-hour clock writes it."""
    hour, minute = map(int, text.split(":"))
    return f"{hour:02}:{minute:02}" if hours == 24 else f"{hour % 12 or 12}:{minute:02} {marks[hour >= 12]}"


PENDING = []


def stay_pending(route):
    """Leaves a request unanswered while the page is checked."""
    PENDING.append(route)


def answer(status=200, body=EMPTY, headers=None):
    """A handler that gives every request the same answer."""
    return lambda route: route.fulfill(status=status, json=body, headers=CORS | (headers or {}))


def problem(code, status=503, headers=None):
    return answer(status, {"code": code, "detail": "For operators.", "request_id": "req-1"}, headers)


def taking():
    """A handler that passes on the API's answers, but treats the first time that is checked as taken."""
    taken = []

    def handler(route):
        query = parse_qs(urlsplit(route.request.url).query)
        if not taken:
            taken.extend(moment[:16] for moment in query.get("at", []))
        found = route.fetch().json()
        found["collection"] = [entry for entry in found["collection"] if entry["start_time"][:16] not in taken]
        route.fulfill(json=found, headers=CORS)

    return handler


def with_address(address):
    """A handler that replaces the address of Calendly's page in the API's answers."""

    def altered(route):
        found = route.fetch().json()
        for slot in found["collection"][0]["slots"].values():
            slot["scheduling_url"] = address
        route.fulfill(json=found, headers=CORS)

    return altered


class Page(BrowserTest):
    def open(self, query="", until=CARD, page=None, **routes):
        page = page or self.page
        for pattern, handler in routes.items():
            page.route({"list": LIST, "times": TIMES}[pattern], handler)
        page.goto(f"{bundle.SANDBOX}/{query}")
        expect(page.locator(until).first).to_be_visible()
        return page

    def close(self, page):
        while PENDING:
            PENDING.pop().abort()
        page.context.close()

    @staticmethod
    def is_next_month(response):
        """Whether a response is for the month after DAY, which the page requests ahead."""
        return f"start_time={(DAY.replace(day=1) + timedelta(days=32)).replace(day=1)}" in response.url

    def texts(self):
        return self.page.evaluate("import('/texts.js').then((module) => module.TEXTS)")

    def shown(self, page=None):
        return (page or self.page).locator(TIME).all_inner_texts()

    def free(self, day, zone, *event_types):
        """The local times that the API has on a day."""
        question = {"start_time": day, "end_time": day, "timezone": zone, "event_type": event_types, "match": "all"}
        found = bundle.ask("check-availability", **question).raise_for_status().json()["collection"]
        return [entry["local_start_time"][11:16] for entry in found]

    FOCUSED = (
        "() => { let e = document.activeElement; while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
        " return e.ariaLabel ?? (e.querySelector('slot')?.assignedElements()[0] ?? e).textContent.trim(); }"
    )

    def focused(self):
        """The name of the focused element, across shadow trees."""
        return self.page.evaluate(self.FOCUSED)

    def wait_until_focus_leaves(self, name):
        """Waits until another element than the one of this name has the focus: the calendar moves it after the key event."""
        self.page.wait_for_function(f"name => ({self.FOCUSED})() !== name", arg=name)

    def tab_to(self, pattern):
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if re.search(pattern, self.focused()):
                return
        self.fail(f"no Tab leads to {pattern!r}")


class States(Page):
    """Each state shows the expected content, and axe finds no violation in it, light and dark."""

    STATES = {
        "loading": ({"until": ".skeleton", "list": stay_pending}, "Book a time"),
        "event types": ({}, "What would you like to book?"),
        "nothing to book": ({"until": "h1", "list": answer(body=[])}, "Nothing can be booked at the moment."),
        "an unknown event type": ({"query": "?event_type=gone"}, "can no longer be booked"),
        "several": ({"query": "?several=yes"}, "Choose two to ten."),
        "a month loading": ({"query": DEMO, "until": "calendar-date.loading", "times": stay_pending}, "Time zone"),
        "times": ({"query": DEMO, "until": TIME}, f"{DAY:%A}"),
        "times of several": ({"query": BOTH, "until": TIME}, "All of: Demo and Mentoring"),
        "nothing for a year": ({"query": "?event_type=demo", "until": NONE, "times": answer()}, "in the coming year"),
        "a day without times": ({"query": f"?event_type=demo&day={DAY + timedelta(days=4)}", "until": NONE}, "Next free: Mon"),
        "checking a link": ({"query": f"{DEMO}&at={DAY}T12:00Z", "until": ".primary.skeleton", "times": stay_pending}, "Almost done"),
        "a link to a taken time": ({"query": f"{DEMO}&at={DAY}T12:00Z", "until": ".taken", "times": taking()}, "has just been taken."),
        "a problem": ({"query": DEMO, "until": PROBLEM, "times": problem("deadline_exceeded", 504)}, "took too long"),
        "a rate limit": ({"until": PROBLEM, "list": problem("calendly_error", 429)}, "Trying again in "),
    }  # fmt: skip

    def test_each_state_is_accessible_in_light_and_dark(self):
        for name, (how, words) in self.STATES.items():
            with self.subTest(name):
                page = self.open(page=self.new_page(), **how)
                expect(page.locator("main")).to_contain_text(words)
                self.assert_accessible(page)
                self.close(page)

    def test_a_chosen_time_leads_to_calendly(self):
        for query, links in {DEMO: ["Continue to Calendly"], BOTH: ["Continue: Demo", "Continue: Mentoring"]}.items():
            with self.subTest(query):
                page = self.open(query, TIME, page=self.new_page())
                time = page.locator(TIME).nth(1).inner_text()
                page.locator(TIME).nth(1).click()
                expect(page.locator(LINK)).to_have_text(links)
                expect(page.locator(".when")).to_contain_text(time)
                self.assert_accessible(page)
                query = parse_qs(urlsplit(page.url).query)
                found = bundle.ask("check-availability", event_type=query["event_type"], at=query["at"], match="all").json()
                slots = [slot["scheduling_url"] for slot in found["collection"][0]["slots"].values()]
                self.assertEqual([link.get_attribute("href") for link in page.locator(LINK).all()], slots)

    def assert_accessible(self, page):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.evaluate(AXE)
            found = page.evaluate("axe.run()")
            faults = [(rule["id"], node["target"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]]
            self.assertEqual(faults, [], scheme)

    def test_any_accent_is_readable(self):
        for accent in ("#ffe600", "#000"):
            with self.subTest(accent):
                page = self.open(DEMO, TIME, page=self.new_page())
                page.evaluate("accent => document.querySelector('booking-page').style.setProperty('--booking-accent', accent)", accent)
                self.assert_accessible(page)


class Times(Page):
    def test_times_follow_language_habits_and_zone(self):
        for locale, zone, hours, marks, first, direction in (
            ("en-US", "America/New_York", 12, ("AM", "PM"), "Sun", "ltr"),
            ("de-DE", "Europe/Berlin", 24, None, "Mo", "ltr"),
            ("ar-EG", "Asia/Kathmandu", 12, ("ص", "م"), "السبت", "rtl"),
        ):  # fmt: skip
            with self.subTest(locale):
                page = self.open(DEMO, TIME, page=self.new_page(locale=locale, timezone_id=zone))
                expected = [clock(text, hours, marks) for text in self.free(DAY, zone, "demo")]
                self.assertGreater(len(expected), 3)
                shown = [text.replace("\u202f", " ").replace("\u200f", "") for text in self.shown(page)]
                self.assertEqual(shown, expected)
                expect(page.locator("th [aria-hidden]").first).to_have_text(first)
                expect(page.locator("html")).to_have_attribute("lang", locale[:2])
                self.assertEqual(page.locator("h1").evaluate("element => getComputedStyle(element).direction"), direction)
                subject, panel = (page.locator(part).bounding_box()["x"] for part in (".subject", ".panel"))
                self.assertEqual(subject < panel, direction == "ltr")

    def test_another_zone_is_chosen_and_is_in_the_address(self):
        self.open(DEMO, TIME)
        before = self.shown()
        self.page.get_by_label("Time zone").select_option(label="America/New York")
        expect(self.page.locator(TIME).first).not_to_have_text(before[0])
        self.assertEqual(self.shown(), self.free(DAY, "America/New_York", "demo"))
        self.assertIn("timezone=America%2FNew_York", self.page.url)
        expect(self.page.locator(".zone")).to_contain_text("GMT-")
        self.assertEqual(self.focused()[:16], "America/New York", "the select keeps the focus")

    def test_an_hour_that_a_clock_change_repeats_shows_offsets(self):
        # The page's clock, because the next change may be more than the page's year ahead.
        self.page.clock.set_fixed_time(datetime(2026, 9, 1, tzinfo=UTC))
        day = date(2026, 10, 25)
        entries = [{"start_time": f"{day}T0{hour}:30:00Z", "local_start_time": f"{day}T02:30:00+0{2 - hour}:00", "slots": {}} for hour in (0, 1)]
        self.open(f"?event_type=demo&day={day}", TIME, times=answer(body={"collection": entries}))
        self.assertEqual(self.shown(), ["02:30 GMT+2", "02:30 GMT+1"])

    def test_the_first_view_opens_on_the_first_day_with_times(self):
        first = bundle.ask("check-availability", event_type="demo", timezone=self.zone, limit=1,
                           start_time=TODAY, end_time=TODAY + timedelta(days=90)).json()["collection"][0]  # fmt: skip
        self.open("?event_type=demo", TIME)
        self.assertIn(f"day={first['local_start_time'][:10]}", self.page.url)

    def test_invalid_link_parameters_are_ignored(self):
        for query in ("day=2020-01-01", "day=2026-99-99", "day=tomorrow", "timezone=Mars/Base", "at=noon", f"day={DAY:%Y-%m}"):
            with self.subTest(query):
                self.open(f"?event_type=demo&{query}&ref=mail", TIME)
                expect(self.page.get_by_label("Time zone")).to_have_value(self.zone)
                left = parse_qs(urlsplit(self.page.url).query)
                self.assertEqual(sorted(left), ["day", "event_type", "ref"])

    def test_first_view_skips_an_empty_month(self):
        asked = []

        def empty_before_next_month(route):
            query = parse_qs(urlsplit(route.request.url).query)
            asked.append(query)
            is_empty = "limit" not in query and query["start_time"][0] < f"{DAY:%Y-%m}"
            return answer()(route) if is_empty else route.continue_()

        self.open("?event_type=demo", TIME, times=empty_before_next_month)
        self.assertEqual([query.get("limit") for query in asked[:3]], [None, ["1"], None], "one search finds the month")
        self.page.get_by_role("button", name="Previous month").click()
        expect(self.page.locator(NONE)).to_contain_text("No free times in")
        self.page.get_by_role("button", name="Next free: ").press("Enter")
        expect(self.page.locator(TIME).first).to_be_visible()
        self.assertIn(f"{DAY:%B}", self.focused(), "the focus stays with the times")

    def test_a_month_is_one_call_and_the_next_is_fetched_ahead(self):
        calls = []
        self.page.on("request", lambda request: "check-availability" in request.url and request.method == "GET" and calls.append(request.url))
        with self.page.expect_response(self.is_next_month):
            self.open(DEMO, TIME)
        self.assertEqual(len(calls), 2, calls)
        self.page.get_by_role("button", name="Next month").click()
        expect(self.page.locator(".part")).not_to_contain_text(f"{DAY:%B}")
        expect(self.page.locator(TIME).first).to_be_visible()
        self.assertEqual(parse_qs(urlsplit(calls[1]).query)["start_time"][0][:7], parse_qs(urlsplit(self.page.url).query)["day"][0][:7])

    def test_back_and_forward(self):
        self.open()
        self.page.get_by_role("link", name=re.compile("^Demo")).click()
        expect(self.page.locator(TIME).first).to_be_visible()
        days = self.page.url
        self.page.locator(TIME).last.click()
        expect(self.page.locator(LINK)).to_be_visible()
        summary = self.page.url
        for move, url, part in (("back", days, TIME), ("back", f"{bundle.SANDBOX}/", CARD), ("forward", days, TIME), ("forward", summary, LINK)):
            self.page.evaluate(f"history.{move}()")
            expect(self.page.locator(part).first).to_be_visible()
            self.assertEqual(self.page.url, url)

    def test_a_time_that_was_taken_offers_the_next_ones(self):
        self.open(DEMO, TIME, times=taking())
        time = self.shown()[0]
        self.page.locator(TIME).first.click()
        notice = self.page.get_by_role("alert")
        expect(notice).to_contain_text(f"{time} has just been taken.")
        expect(notice.locator(TIME)).to_have_count(3)
        self.assertNotIn(time, self.shown())
        notice.locator(TIME).first.click()
        expect(self.page.locator(LINK)).to_be_visible()

    def test_several_event_types_are_chosen(self):
        self.open("?several=yes")
        show = self.page.get_by_role("button", name="Show common times")
        expect(show).to_be_disabled()
        for name in ("Demo", "Mentoring"):
            self.page.get_by_role("checkbox", name=re.compile(f"^{name}")).check()
        show.click()
        expect(self.page.locator(TIME).first).to_be_visible()
        day = parse_qs(urlsplit(self.page.url).query)["day"][0]
        self.assertEqual(self.shown()[-1:], self.free(day, self.zone, "demo", "mentoring")[-1:])

    def test_only_what_can_be_booked_is_offered(self):
        self.open()
        offered = self.page.locator(".name").all_inner_texts()
        everything = bundle.ask("user-event-types", active="true").raise_for_status().json()
        is_offered = lambda type: type["booking_method"] == "instant" and not type["deleted_at"] and not type["secret"]  # noqa: E731
        self.assertEqual(offered, [event_type["name"] for event_type in everything if is_offered(event_type)])

    def test_only_an_https_address_becomes_a_link(self):
        for address in ("javascript:document.title='run'", "http://calendly.com/x", "nonsense", None):
            with self.subTest(address):
                link_to = with_address(address)
                page = self.open(f"{DEMO}&at={self.moment()}", ".confirm:not([aria-busy])", page=self.new_page(), times=link_to)
                expect(page.locator(".confirm")).to_contain_text("cannot be booked online")
                expect(page.locator("a")).to_have_count(0)

    def moment(self):
        question = {"event_type": "demo", "start_time": DAY, "end_time": DAY, "limit": 1}
        return bundle.ask("check-availability", **question).json()["collection"][0]["start_time"]


class Problems(Page):
    def test_each_code_has_words_for_visitors_and_the_request_id(self):
        self.open()
        for code, words in self.texts()["en"]["problems"].items():
            if code == "unreachable":
                continue
            with self.subTest(code):
                self.page.unroute_all()
                self.open(until=PROBLEM, list=problem(code, 400))
                expect(self.page.get_by_role("alert")).to_contain_text(words)
                expect(self.page.get_by_role("alert")).to_contain_text("req-1")
                expect(self.page.locator("main")).not_to_contain_text("For operators.")

    def test_every_language_has_every_text(self):
        self.open()
        keys = lambda value: {key: keys(part) for key, part in value.items()} if isinstance(value, dict) else None  # noqa: E731
        texts = self.texts()
        self.assertEqual(len(texts), 3)
        for language in texts:
            self.assertEqual(keys(texts[language]), keys(texts["en"]), language)

    def test_a_problem_of_calendly_is_tried_again(self):
        bundle.fault("/event_type_available_times", 1, 404, body={"title": "Resource Not Found"})
        self.open(DEMO, PROBLEM)
        self.page.get_by_role("button", name="Try again").click()
        expect(self.page.locator(TIME).first).to_be_visible()
        expect(self.page.locator(PROBLEM)).to_have_count(0)

    def test_429_counts_down_and_retries(self):
        bundle.fault("/event_types", 1, 429, headers={"retry-after": "60"})
        now = datetime.now(UTC)
        self.page.clock.install(time=now - timedelta(minutes=1))
        self.page.clock.pause_at(now)
        answers = self.answers("user-event-types")
        self.open(until=PROBLEM)
        expect(self.page.locator(PROBLEM)).to_contain_text("Many people are looking")
        announced = self.page.get_by_role("alert").inner_text()
        for seconds in (60, 59, 58):
            expect(self.page.locator(PROBLEM)).to_contain_text(f"Trying again in {seconds} s")
            self.assertEqual(self.page.get_by_role("alert").inner_text(), announced, "the countdown is not read out")
            self.page.clock.run_for(1000)
        self.assertNotIn("Trying again", announced)
        self.assertEqual([answer.status for answer in answers], [429])
        self.page.clock.run_for(59_000)
        expect(self.page.locator(CARD).first).to_be_visible()
        self.assertEqual([answer.status for answer in answers], [429, 200])

    def test_offline_and_back(self):
        self.open(DEMO, TIME)
        self.page.context.set_offline(True)
        self.page.locator(TIME).first.click()
        expect(self.page.get_by_role("alert")).to_contain_text("You are offline.")
        self.page.context.set_offline(False)
        expect(self.page.locator(LINK)).to_be_visible()

    def test_a_service_that_cannot_be_reached(self):
        self.open(until=PROBLEM, list=lambda route: route.abort())
        expect(self.page.get_by_role("alert")).to_contain_text("cannot be reached")
        self.page.unroute_all()
        self.page.get_by_role("button", name="Try again").click()
        expect(self.page.locator(CARD).first).to_be_visible()

    def test_an_expired_token_is_renewed(self):
        expired = bundle.mint(exp=int(datetime.now().timestamp()) - 3600)
        given = []

        def first_an_expired_one(route):
            given.append(route.request.url)
            return route.fulfill(json={"access_token": expired, "expires_in": 3600}) if len(given) == 1 else route.continue_()

        self.page.route("**/issuer/token", first_an_expired_one)
        answers = self.answers("/calendly/")
        self.open()
        self.assertEqual([answer.status for answer in answers], [401, 200])
        self.assertEqual((answers[0].json()["code"], len(given)), ("token_expired", 2))

    def test_a_token_is_renewed_before_it_expires(self):
        self.page.clock.install(time=datetime.now(UTC))
        self.open(DEMO, TIME)
        self.page.clock.fast_forward("01:00:00")
        with self.page.expect_response("**/issuer/token") as renewed:
            self.page.locator(TIME).last.click()
        self.assertEqual(renewed.value.status, 200)
        expect(self.page.locator(LINK)).to_be_visible()

    def test_a_script_that_does_not_load(self):
        for script in ("booking-page.js", "cally.js"):
            page = self.new_page()
            page.route(f"**/{script}", lambda route: route.fulfill(status=404))
            page.goto(bundle.SANDBOX)
            expect(page.get_by_text("If nothing appears, please reload it")).to_be_visible()


class AccessibilityAndEmbedding(Page):
    """Keyboard, screen reader, small windows, slow connections, and other sites' pages."""

    def test_everything_by_keyboard(self):
        self.open()
        press = self.page.keyboard.press
        self.tab_to("^Demo")
        press("Enter")
        expect(self.page.locator(TIME).first).to_be_visible()
        self.assertEqual(self.focused(), "Demo", "the heading of the new view")
        day = tuesday_after(date.fromisoformat(parse_qs(urlsplit(self.page.url).query)["day"][0]))
        self.tab_to("^›Next month$")
        press("Enter")
        expect(self.page.locator(".part")).to_contain_text(f"{day:%B}")
        self.tab_to(f"{day:%B}$")
        for _ in range(40):
            focused = self.focused()
            if focused == f"{day.day} {day:%B}":
                break
            press("ArrowRight" if int(focused.split()[0]) < day.day else "ArrowLeft")
            self.wait_until_focus_leaves(focused)
        press("Enter")
        status = self.page.get_by_role("status")
        expect(status).to_contain_text(f"Tuesday {day.day} {day:%B}")
        expect(status).to_contain_text(f"free times: {len(self.shown())}")
        self.tab_to(r"^\d\d:\d\d$")
        outline = "e => { e = document.activeElement.shadowRoot.activeElement; return getComputedStyle(e).outlineStyle; }"
        self.assertEqual(self.page.evaluate(outline), "solid")
        press("Enter")
        expect(self.page.locator(LINK)).to_be_visible()
        expect(status).to_contain_text("This time is still free.")
        self.tab_to("^Continue to Calendly$")

    def test_narrow_windows_do_not_scroll_sideways(self):
        for width in (320, 375, 768, 1440):
            for query, part in (("", CARD), ("?several=yes", CARD), (DEMO, TIME), (f"{BOTH}", TIME)):
                with self.subTest(width=width, query=query):
                    page = self.open(query, part, page=self.new_page(viewport={"width": width, "height": 640}))
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                    page.context.close()

    def test_reduced_motion_disables_animations(self):
        for wish, moves in (("reduce", False), ("no-preference", True)):
            page = self.open(until=".skeleton", page=self.new_page(reduced_motion=wish), list=stay_pending)
            running = "document.querySelector('booking-page').shadowRoot.getAnimations().length"
            self.assertEqual(page.evaluate(running) > 0, moves, wish)
            self.close(page)

    def test_a_cold_load_is_small_and_nothing_jumps(self):
        for query, part in (("", CARD), (DEMO, TIME)):
            with self.subTest(query):
                page = self.new_page()
                responses = []
                page.on("response", lambda response, responses=responses: responses.append(response))
                if query == DEMO:
                    with page.expect_response(self.is_next_month):
                        self.open(query, part, page=page)
                else:
                    self.open(query, part, page=page)
                sizes = {response.url: self.wire_size(response) for response in responses}
                files = {url: size for url, size in sizes.items() if url.startswith(bundle.SANDBOX)}
                asked = [size for url, size in sizes.items() if url not in files and "check-availability" not in url]
                self.assertLessEqual(sum(files.values()) + sum(asked), WIRE_LIMIT, sizes)
                shifts = "new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().map((entry) => entry.value)))" \
                    ".observe({ type: 'layout-shift', buffered: true }) || setTimeout(done, 300, []))"  # fmt: skip
                self.assertLess(sum(page.evaluate(shifts)), SHIFT_LIMIT)

    def test_skeletons_cause_no_layout_shift(self):
        for width in (375, 1100):
            for query, pattern, parts in (("", LIST, (".title", "li >> nth=0", "li >> nth=1")), (DEMO, TIMES, (".part", ".times >> li >> nth=5"))):
                with self.subTest(width=width, query=query):
                    held = []
                    page = self.new_page(viewport={"width": width, "height": 800})
                    page.route(pattern, lambda route: held.append(route))
                    self.open(query, ".skeleton", page=page)
                    before = self.places(page, parts)
                    for route in held:
                        route.continue_()
                    page.unroute_all()
                    expect(page.locator(".skeleton")).to_have_count(0)
                    after = self.places(page, parts)
                    self.assertEqual(after, before)

    def places(self, page, parts):
        boxes = [page.locator(part).bounding_box() for part in parts]
        return [(box["x"], box["y"]) for box in boxes]

    def wire_size(self, response):
        """The bytes of an answer. Answers of the API count as gzipped, as in a deployed stack."""
        if response.request.method != "GET":
            return 0
        sent = response.request.sizes()["responseBodySize"] + response.request.sizes()["responseHeadersSize"]
        return sent if response.url.startswith(bundle.SANDBOX) else min(sent, len(gzip.compress(response.body())))

    def test_the_element_in_another_page_with_one_script_tag(self):
        html = f'<h1>A site</h1><booking-page lang="de" api="{bundle.FUNCTIONS}" token="/visitor-token"></booking-page>'
        self.page.route("**/visitor-token", lambda route: route.fulfill(json={"access_token": bundle.token(), "expires_in": 3600}))
        # Pages served by Playwright may not call loopback addresses, so a real page is altered.
        self.page.route("**/booking-page.js", lambda route: route.abort())
        self.page.goto(bundle.SANDBOX)
        self.page.evaluate("html => { document.querySelector('main').innerHTML = html }", html)
        script = "Object.assign(document.createElement('script'), { type: 'module', src: 'booking-page.js?embed' })"
        self.page.evaluate(f"document.body.append({script})")
        expect(self.page.locator("h2")).to_have_text("Termin buchen")
        expect(self.page.locator("h1")).to_have_count(1)
        self.page.get_by_role("link", name=re.compile("^Demo")).click()
        expect(self.page.locator(TIME).first).to_be_visible()
        self.page.evaluate("document.querySelector('booking-page').remove()")


if __name__ == "__main__":
    unittest.main()
