"""CloudWatch's metric math and alarms, as far as the templates use them.

A data point is a number, or None if it is missing. The rules are CloudWatch's
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html): if only one operand is
missing, it counts as 0. The result of a division by 0 is missing. The result of IF is missing if its condition is.
"""

import ast
import operator

ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS = {ast.Gt: operator.gt, ast.GtE: operator.ge}
THRESHOLDS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}


def metrics(alarm):
    """{id: (namespace, name, {dimension: value})} of an alarm's metrics. The id of a single metric is its name."""
    found = {q["Id"]: q["MetricStat"]["Metric"] for q in alarm.get("Metrics", []) if "MetricStat" in q}
    if "MetricName" in alarm:
        found[alarm["MetricName"]] = alarm
    return {
        name: (metric["Namespace"], metric["MetricName"], {one["Name"]: one["Value"] for one in metric["Dimensions"]})
        for name, metric in found.items()
    }


def is_in_alarm(alarm, moments):
    """Whether an alarm fires on these values of its metrics, one dict per period, newest last."""
    assert alarm["TreatMissingData"] in ("notBreaching", "missing")
    latest = [value(alarm, moment) for moment in moments[-alarm["EvaluationPeriods"] :]]
    breaches = THRESHOLDS[alarm["ComparisonOperator"]]
    count = sum(breaches(found, alarm["Threshold"]) for found in latest if found is not None)
    return count >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])


def value(alarm, moment):
    """The value that an alarm compares with its threshold, given its metrics' values by id."""
    if "Metrics" not in alarm:
        return moment.get(alarm["MetricName"])
    series = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            series[query["Id"]] = moment.get(query["Id"])
        else:
            expression = ast.parse(query["Expression"].strip(), mode="eval").body
            try:
                series[query["Id"]] = evaluate(expression, series)
            except ZeroDivisionError:
                series[query["Id"]] = None
    assert set(moment) <= set(series), set(moment) - set(series)
    [result] = [query["Id"] for query in alarm["Metrics"] if query.get("ReturnData", True)]
    return series[result]


def evaluate(node, series):
    match node:
        case ast.Constant(constant):
            return constant
        case ast.Name(name):
            return series[name]
        case ast.BinOp(left, operation, right):
            one, other = evaluate(left, series), evaluate(right, series)
            if is_missing(left, one, right, other):
                return None
            return ARITHMETIC[type(operation)](one or 0, other or 0)
        case ast.Compare(left, [operation], [ast.Constant(constant)]):
            found = evaluate(left, series)
            return None if found is None else int(COMPARISONS[type(operation)](found, constant))
        case ast.Call(ast.Name("IF"), [condition, yes, no]):
            decided = evaluate(condition, series)
            if decided is None:
                return None
            return (evaluate(yes, series) or 0) if decided else evaluate(no, series)
    raise AssertionError(f"unsupported expression: {ast.unparse(node)}")


def is_missing(left, one, right, other):
    """Whether the series on both sides are all missing."""
    found = [x for node, x in ((left, one), (right, other)) if not isinstance(node, ast.Constant)]
    return all(x is None for x in found)
