"""AWS's bill for a month, in USD: us-east-1, November 2026, without free tiers and discounts.

The same prices as in docs/operations.md. AWS's pages are authoritative.
"""

from collections import namedtuple

MILLION = 1_000_000

# https://aws.amazon.com/lambda/pricing/: arm64, the first 7.5 billion GB-seconds of a month.
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334

# https://aws.amazon.com/api-gateway/pricing/: HTTP APIs, requests of up to 512 KB; the first 300 million of a month,
# and those after them.
GATEWAY_TIERS = ((300 * MILLION, 1.00 / MILLION), (float("inf"), 0.90 / MILLION))

# https://aws.amazon.com/dynamodb/pricing/on-demand/: standard tables. Storage, 0.25 a GB, is negligible.
READ_UNIT = 0.125 / MILLION
WRITE_UNIT = 0.625 / MILLION

# https://aws.amazon.com/cloudwatch/pricing/: logs that are collected, the first 10 TB of a month.
LOGS_GB = 0.50

# https://aws.amazon.com/secrets-manager/pricing/: a secret, and a read.
SECRET = 0.40
SECRET_READ = 0.05 / 10_000

# https://aws.amazon.com/ec2/pricing/on-demand/, "Data Transfer": to the internet, a GB, by GB of a month.
TRANSFER_TIERS = ((10 * 1024, 0.09), (40 * 1024, 0.085), (100 * 1024, 0.07), (float("inf"), 0.05))

# https://aws.amazon.com/cloudwatch/pricing/: a custom metric, a metric of an alarm, a dashboard; a month.
METRIC = 0.30
ALARM_METRIC = 0.10
DASHBOARD = 3.00

# docs/operations.md: metrics and alarms of a stack with default parameters, and those that a cache and a table add.
METRICS = 21
METRICS_OF_CACHE = 6
ALARM_METRICS = 64
ALARM_METRICS_OF_TABLE = 3

# docs/operations.md: a warm-up of each function every five minutes.
WARM_UP = 0.16

GB = 1024**3

# template.yaml's MemorySize.
MEMORY_GB = 256 / 1024

# docs/operations.md: bytes of a request's log line, Lambda's own lines and the access log line.
LOG_BYTES = 2_100

Month = namedtuple("Month", "gateway functions table logs secrets transfer")


def month(*, requests, invocations, served_seconds, read_units, write_units, secret_reads, secrets, bytes_out):
    """The bill.

    `requests` reached the gateway and `invocations` the function; `served_seconds` is the total of all environments.
    """
    return Month(
        gateway=tiered(requests, GATEWAY_TIERS),
        functions=invocations * LAMBDA_REQUEST + served_seconds * MEMORY_GB * LAMBDA_GB_SECOND,
        table=read_units * READ_UNIT + write_units * WRITE_UNIT,
        logs=requests * LOG_BYTES / GB * LOGS_GB,
        secrets=secrets * SECRET + secret_reads * SECRET_READ,
        transfer=tiered(bytes_out / GB, TRANSFER_TIERS),
    )


def monitoring(*, has_cache, has_table):
    """Metrics, alarms, and the dashboard of a month, which do not depend on traffic."""
    metrics = METRICS + METRICS_OF_CACHE * has_cache
    alarm_metrics = ALARM_METRICS + ALARM_METRICS_OF_TABLE * has_table
    return metrics * METRIC + alarm_metrics * ALARM_METRIC + DASHBOARD


def tiered(amount, tiers):
    """The price of an amount. Each tier has a size and a price."""
    cost = 0.0
    for size, price in tiers:
        part = min(amount, size)
        cost += part * price
        amount -= part
    return cost
