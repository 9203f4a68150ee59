"""The dashboard and its saved query."""

import json
import re
import unittest

from resolver import source
from test_metrics import dashboard, log_fields
from translation import deployed, nested, of_type


class Dashboard(unittest.TestCase):
    def test_it_shows_every_alarm(self):
        [shown] = [
            widget["properties"]["alarms"]
            for widget in dashboard()["widgets"]
            if widget["type"] == "alarm"
        ]
        # The output of the nested stack.
        self.assertEqual(shown, ["<Monitoring.Outputs.AlarmArns>"])
        outputs = json.dumps(source("stacks/monitoring.yaml")["Outputs"]["AlarmArns"])
        for name, entry in source("stacks/monitoring.yaml")["Resources"].items():
            if entry["Type"] == "AWS::CloudWatch::Alarm":
                self.assertIn(f'"{name}.Arn"', outputs.replace('", "Arn"', '.Arn"'))

    def test_alarms_and_the_dashboard_are_optional(self):
        kinds = [widget["type"] for widget in dashboard(Alarms="DISABLED")["widgets"]]
        self.assertEqual(set(kinds), {"metric"})
        self.assertNotIn("Overview", deployed(Dashboard="DISABLED"))

    def test_it_lists_alarms_one_by_one(self):
        arns = [f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}" for name in "ab"]
        given = {"Stack": "stack", "Api": "api", "McpServer": "DISABLED", "AlarmArns": ",".join(arns)}
        template = {"TemplateURL": "stacks/dashboard.yaml", "Parameters": given}
        body = nested("Overview", template)["Dashboard"]["Properties"]["DashboardBody"]
        self.assertEqual(json.loads(body)["widgets"][0]["properties"]["alarms"], arns)

    def test_the_saved_query_reads_the_functions_logs_and_fields(self):
        [query] = of_type(deployed(), "AWS::Logs::QueryDefinition").values()
        groups = of_type(deployed(), "AWS::Logs::LogGroup")
        del groups["AccessLogs"]
        self.assertCountEqual(
            query["LogGroupNames"],
            [group["LogGroupName"] for name, group in groups.items() if "." not in name],
        )
        known = log_fields() | {"requests", "p99_ms"}
        words = re.sub(r"'[^']*'", "", query["QueryString"])
        keywords = {"filter", "stats", "count", "as", "pct", "by", "sort", "desc"}
        self.assertLessEqual(set(re.findall(r"[a-z]\w+", words)) - keywords, known)


if __name__ == "__main__":
    unittest.main()
