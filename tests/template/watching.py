"""Metrics and log fields listed on the page on logging."""

import re

from resolver import ROOT
from translation import FUNCTIONS

# Metrics that AWS sends.
AWS_METRICS = {
    "AWS/Lambda": {"Errors", "Throttles", "Duration", "Invocations"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency"},
}

# The function with metrics of its own.
ONE_ALONE = "check-availability"


def page():
    return (ROOT / "docs" / "logging.md").read_text()


def sent_metrics():
    """{metric: functions that send it}."""
    [table] = re.findall(r"^## Metrics$.*?^(\| metric .*?)\n\n", page(), re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", table, re.MULTILINE)
    return {
        name: {ONE_ALONE} if ONE_ALONE in sent_with else set(FUNCTIONS.values())
        for name, sent_with in rows
        if "filter" not in sent_with
    }


def log_fields():
    """The fields of the line that ends an invocation."""
    [table] = re.findall(r"^(\| field .*?)\n\n", page(), re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
