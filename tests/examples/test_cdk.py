"""examples/cdk synthesizes, and deploys the released zip files with the settings of template.yaml."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from template import FUNCTION, MEMORY, ROOT, THROTTLING, VARIABLES
from archive import zipped
from local import FUNCTIONS, route

PYTHON = ROOT / ".venv" / "bin" / "python"
CFN_LINT = ROOT / ".venv" / "bin" / "cfn-lint"
CONTEXT = {"issuer": "https://issuer.example/", "audience": "callers", "pat_secret": "calendly/pat"}


def synthesize(scratch, context):
    """Runs the app as `cdk synth` does."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "target" / "cdk"),
        "CDK_OUTDIR": str(scratch / "out"),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    return subprocess.run(
        [PYTHON, ROOT / "examples" / "cdk" / "app.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


class Synthesized(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        folder = Path(scratch.name)
        for function in FUNCTIONS:
            (folder / f"{function}-arm64.zip").write_bytes(zipped(function.encode()))
        result = synthesize(folder, CONTEXT | {"zips": scratch.name})
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        cls.out = folder / "out"
        cls.template = cls.out / "calendly-functions.template.json"
        cls.resources = json.loads(cls.template.read_text())["Resources"].values()

    def of_type(self, kind):
        return [r["Properties"] for r in self.resources if r["Type"] == kind]

    def test_cfn_lint_passes(self):
        # W3005: the CDK writes dependencies that references imply.
        command = [CFN_LINT, "--ignore-checks", "W3005", "--", self.template]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_the_code_is_the_zip_files(self):
        keys = {properties["Code"]["S3Key"] for properties in self.of_type("AWS::Lambda::Function")}
        uploaded = {(self.out / f"asset.{key}").read_bytes() for key in keys}
        self.assertEqual(uploaded, {zipped(function.encode()) for function in FUNCTIONS})

    def test_functions_have_the_settings_of_the_template(self):
        functions = self.of_type("AWS::Lambda::Function")
        self.assertEqual(len(functions), len(FUNCTIONS))
        for properties in functions:
            for name in ("Runtime", "Handler", "Timeout"):
                self.assertEqual(properties[name], FUNCTION[name])
            self.assertEqual(properties["MemorySize"], MEMORY)
            self.assertEqual(properties["Architectures"], ["arm64"])
            self.assertEqual(
                properties["LoggingConfig"]["LogFormat"], FUNCTION["LoggingConfig"]["LogFormat"]
            )
            variables = properties["Environment"]["Variables"]
            self.assertLessEqual(set(variables), VARIABLES)
            self.assertEqual(
                set(variables.values()),
                {CONTEXT["issuer"], CONTEXT["audience"], CONTEXT["pat_secret"]},
            )

    def test_the_routes_are_those_of_the_functions(self):
        keys = {properties["RouteKey"] for properties in self.of_type("AWS::ApiGatewayV2::Route")}
        self.assertEqual(keys, {f"GET {route(function)}" for function in FUNCTIONS})
        for properties in self.of_type("AWS::ApiGatewayV2::Integration"):
            self.assertEqual(properties["PayloadFormatVersion"], "2.0")

    def test_throttling_is_that_of_the_template(self):
        [stage] = self.of_type("AWS::ApiGatewayV2::Stage")
        self.assertEqual(stage["StageName"], "$default")
        self.assertEqual(stage["DefaultRouteSettings"], THROTTLING)

    def test_a_function_may_only_read_its_secret_and_write_its_log(self):
        policies = self.of_type("AWS::IAM::Policy")
        self.assertEqual(len(policies), len(FUNCTIONS))
        for properties in policies:
            log, secret = properties["PolicyDocument"]["Statement"]
            self.assertEqual(log["Action"], ["logs:CreateLogStream", "logs:PutLogEvents"])
            self.assertIn("Fn::GetAtt", log["Resource"])
            self.assertEqual(secret["Action"], "secretsmanager:GetSecretValue")
            self.assertTrue(
                secret["Resource"]["Fn::Join"][1][-1].endswith(":secret:calendly/pat-??????")
            )
        for properties in self.of_type("AWS::IAM::Role"):
            self.assertNotIn("ManagedPolicyArns", properties)


class Refused(unittest.TestCase):
    def test_a_missing_setting_is_named(self):
        with tempfile.TemporaryDirectory() as scratch:
            result = synthesize(Path(scratch), CONTEXT | {"zips": scratch, "issuer": ""})
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("-c issuer=… is missing", result.stderr)


if __name__ == "__main__":
    unittest.main()
