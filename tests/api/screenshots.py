"""`make screenshots`: starts `make run` on the default ports, which the pictures show, and takes them into docs/."""

import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "api" / "running")]

import check_api  # noqa: E402
import local  # noqa: E402
import run  # noqa: E402

PORTS = {name: str(getattr(local, name)) for name in run.PORTS}
os.environ.update(check_api.addresses(run.Settings(PORTS)))

import browser  # noqa: E402
import bundle  # noqa: E402
from test_booking_page import CARD, DAY, DEMO, LINK, NONE, PROBLEM, TIME, problem, taking  # noqa: E402

WIDE = {"width": 1100, "height": 540}
PHONE = {"width": 375, "height": 812}
SUNDAY = f"?event_type=demo&day={DAY + timedelta(days=5)}"
# Hidden: the documentation of each status is long, and would push the other routes out of the screenshot.
DOCUMENTED = ".responses-inner > div > h4 + .responses-table:not(.live-responses-table), .responses-inner > .responses-table"


def api_page(page):
    """The three routes, after "Try it out" of the first."""
    page.goto(f"{bundle.SANDBOX}/docs")
    expect(page.get_by_role("status")).to_contain_text("You are signed in")
    block = page.locator("[id$='-user'].opblock")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("200")
    page.add_style_tag(content=f"{DOCUMENTED} {{ display: none }}")
    first, *_, last = [part.bounding_box() for part in page.locator(".opblock-tag-section").all()]
    # Bounding boxes are relative to the scroll position.
    top = first["y"] + page.evaluate("scrollY")
    height = last["y"] + last["height"] - first["y"]
    return {"clip": {"x": 0, "y": top, "width": WIDE["width"], "height": height}, "full_page": True}


def booking_page(query, until, times=None, click=None):
    """A state of the booking page: its query, the element to await, the handler of times, the element to click."""

    def prepare(page):
        if times:
            page.route("**/calendly/check-availability?*", times)
        page.goto(f"{bundle.SANDBOX}/{query}")
        if click:
            page.locator(click).nth(2).click()
        expect(page.locator(until).first).to_be_visible()
        # Moves the mouse away, so that nothing is hovered.
        page.mouse.move(0, 0)
        return {}

    return prepare


TIMES = booking_page(DEMO, TIME)
PICTURES = {
    "api-page": (api_page, {}),
    "booking-page": (TIMES, {}),
    "booking-page-dark": (TIMES, {"color_scheme": "dark"}),
    "booking-page-phone": (TIMES, {"viewport": PHONE}),
    "booking-page-arabic": (TIMES, {"locale": "ar-EG", "timezone_id": "Africa/Cairo"}),
    "booking-page-event-types": (booking_page("", CARD), {}),
    "booking-page-several": (booking_page("?several=yes", ".card:has(:checked)", click=".card"), {}),
    "booking-page-summary": (booking_page(DEMO, LINK, click=TIME), {}),
    "booking-page-none": (booking_page(SUNDAY, NONE), {}),
    "booking-page-taken": (booking_page(DEMO, ".taken", times=taking(), click=TIME), {}),
    "booking-page-problem": (booking_page(DEMO, PROBLEM, times=problem("calendly_error", 429, {"retry-after": "12"})), {}),
}


def main():
    with check_api.bundle(**PORTS), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=browser.ARGUMENTS
        )
        for name, (prepare, options) in PICTURES.items():
            context = chromium.new_context(
                **{"viewport": WIDE, "timezone_id": "Europe/Madrid", "locale": "en-GB", **options}
            )
            page = context.new_page()
            page.screenshot(path=ROOT / "docs" / f"{name}.png", animations="disabled", **prepare(page))
            context.close()
        chromium.close()


if __name__ == "__main__":
    try:
        main()
    except run.StartFailed as problem:
        sys.exit(f"screenshots: {problem}")
