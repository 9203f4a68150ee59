"""Takes the README's pictures of the pages at SANDBOX_URL into a folder: `make screenshots`."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "api" / "running")]

import browser  # noqa: E402
import bundle  # noqa: E402

SIZE = {"width": 1000, "height": 760}
# What the page documents of each status is long, and would push the other routes out of the picture.
DOCUMENTED = ".responses-inner > div > h4 + .responses-table:not(.live-responses-table), .responses-inner > .responses-table"


def api_page(page):
    """The three routes, of which the first was tried with a token of the demo user's."""
    page.goto(f"{bundle.SANDBOX}/docs")
    page.locator("button.authorize").first.click()
    form = page.locator(".auth-container", has_text="sandbox (OAuth2, password)")
    form.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(form.get_by_role("button", name="Remove authorization")).to_be_visible()
    page.locator(".close-modal").click()
    block = page.locator("[id$='-user'].opblock")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("200")
    expect(live).to_contain_text("https://api.calendly.com/users/")
    page.add_style_tag(content=f"{DOCUMENTED} {{ display: none }}")
    first, *_, last = [part.bounding_box() for part in page.locator(".opblock-tag-section").all()]
    height = last["y"] + last["height"] - first["y"]
    # Boxes are measured from where the page has been scrolled to.
    top = first["y"] + page.evaluate("scrollY")
    return {"clip": {"x": 0, "y": top, "width": SIZE["width"], "height": height}, "full_page": True}


def booking_page(page):
    """The next week, which is whole, of two event types."""
    page.goto(f"{bundle.SANDBOX}/")
    expect(page.locator("#status")).to_contain_text("in this week")
    page.get_by_role("button", name="Next week").click()
    page.get_by_label("Mentoring (60 minutes)").check()
    expect(page.locator(".several a.fc-event").first).to_be_visible()
    return {}


def main(folder):
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=browser.ARGUMENTS
        )
        for name, prepare in {"api-page": api_page, "booking-page": booking_page}.items():
            context = chromium.new_context(
                viewport=SIZE, timezone_id="Europe/Madrid", locale="en-GB"
            )
            page = context.new_page()
            options = prepare(page)
            page.screenshot(path=folder / f"{name}.png", animations="disabled", **options)
            context.close()
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
