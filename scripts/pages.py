"""Writes the pages that `make run` serves: the booking page, the API page, and the description of the API.

The description is openapi.yaml with the two addresses in it, and with the dates of its examples moved
into the future, so that "Try it out" requests future days.
"""

import json
import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import swagger_ui_bundle
import yaml

import local
import tools

BOOKING_PAGE = local.ROOT / "examples" / "booking-page"
API_PAGE = local.ROOT / "scripts" / "api-page"
CALENDAR = Path("node_modules", "cally", "dist", "cally.js")
SWAGGER_UI = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"]

# The first day of openapi.yaml's future examples, a Monday.
EXAMPLES_BEGIN = date(2026, 11, 30)
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?![\d-])")
# The month in a scheduling_url, which must match the date that follows it.
MONTH = re.compile(r"\bmonth=\d{4}-\d{2}(&date=(\d{4}-\d{2}))")


def write(directory, functions, sandbox):
    """Writes the pages for functions and a sandbox at these addresses."""
    shutil.rmtree(directory, ignore_errors=True)
    write_booking_page(directory, functions)
    write_api_page(directory / "docs")
    write_description(directory, functions, sandbox, date.today())


def write_booking_page(directory, functions):
    """Copies the example, replaces the address of the functions, and adds the calendar component."""
    ignored = shutil.ignore_patterns("package*.json", "README.md", "node_modules")
    shutil.copytree(BOOKING_PAGE, directory, ignore=ignored)
    index = directory / "index.html"
    index.write_text(index.read_text().replace(local.FUNCTIONS_URL, functions))
    calendar = directory / CALENDAR
    calendar.parent.mkdir(parents=True)
    shutil.copy(tools.npm("run") / CALENDAR, calendar)


def write_api_page(directory):
    shutil.copytree(API_PAGE, directory)
    (directory / "swagger-ui").mkdir()
    for name in SWAGGER_UI:
        shutil.copy(swagger_ui_bundle.swagger_ui_path / name, directory / "swagger-ui")


def write_description(directory, functions, sandbox, today):
    text = description((local.ROOT / "openapi.yaml").read_text(), functions, sandbox, today)
    (directory / "openapi.yaml").write_text(text)
    (directory / "openapi.json").write_text(json.dumps(yaml.safe_load(text), indent=2) + "\n")


def description(text, functions, sandbox, today):
    """openapi.yaml for functions and a sandbox at these addresses, read on the day `today`."""
    text = text.replace(local.FUNCTIONS_URL, functions).replace(local.SANDBOX_PUBLIC_URL, sandbox)
    return ahead_of(today, text)


def ahead_of(today, text):
    """Moves all days from EXAMPLES_BEGIN on by whole weeks, so that the first is in a later week than today."""
    days = (today - EXAMPLES_BEGIN).days
    shift = timedelta(weeks=max(0, days // 7 + 1))

    def moved(match):
        day = date.fromisoformat(match[0])
        return (day + shift).isoformat() if day >= EXAMPLES_BEGIN else match[0]

    return MONTH.sub(r"month=\2\1", DATE.sub(moved, text))
