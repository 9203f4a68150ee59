"""Evaluates log lines as CloudWatch does: metrics, and alarms that fire.

Namespace, name, and dimensions identify a metric.
"""

from collections import Counter

from filter_pattern import finds
from metric_math import is_in_alarm, metrics


def key(namespace, name, dimensions):
    return namespace, name, frozenset(dimensions.items())


def emf_metrics(lines):
    """{metric: sum} of the metrics in lines of the embedded metric format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    found = Counter()
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = {name: line[name] for name in names}
                for metric in directive["Metrics"]:
                    value = line[metric["Name"]]
                    assert isinstance(value, (int, float)), (metric, value)
                    found[key(directive["Namespace"], metric["Name"], dimensions)] += value
    return found


def filter_metrics(lines, filters):
    """{metric: sum} of the metrics that metric filters derive from lines."""
    found = Counter()
    for properties in filters:
        for line in filter(lambda line: finds(properties["FilterPattern"], line), lines):
            for transformation in properties["MetricTransformations"]:
                dimensions = {
                    one["Key"]: line[one["Value"].removeprefix("$.")] for one in transformation["Dimensions"]
                }
                metric = key(transformation["MetricNamespace"], transformation["MetricName"], dimensions)
                found[metric] += float(transformation["MetricValue"])
    return found


def alarm_metrics(alarm):
    """{id: metric} of an alarm's metrics."""
    return {name: key(*metric) for name, metric in metrics(alarm).items()}


def fires(alarm, values):
    """Whether an alarm fires if its metrics have these values in enough periods."""
    moment = {name: values[metric] for name, metric in alarm_metrics(alarm).items() if metric in values}
    return is_in_alarm(alarm, [moment] * alarm["DatapointsToAlarm"])
