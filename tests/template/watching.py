"""What is sent and written that somebody may watch, by the pages that say so."""

import re

from resolver import ROOT
from translation import FUNCTIONS

# What AWS sends of itself.
AWS_METRICS = {
    "AWS/Lambda": {"Errors", "Throttles", "Duration", "Invocations"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency"},
}

# Has metrics of its own.
ONE_ALONE = "check-availability"


def page():
    return (ROOT / "docs" / "logging.md").read_text()


def sent_metrics():
    """The metrics that the functions send, by the page on logs and metrics: {name: who sends it}."""
    [table] = re.findall(r"^## Metrics$.*?^(\| metric .*?)\n\n", page(), re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", table, re.MULTILINE)
    return {
        name: {ONE_ALONE} if ONE_ALONE in sent_with else set(FUNCTIONS.values())
        for name, sent_with in rows
        if "filter" not in sent_with
    }


def log_fields():
    """The members of the line that ends an invocation, by the same page."""
    [table] = re.findall(r"^(\| field .*?)\n\n", page(), re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
