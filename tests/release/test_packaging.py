"""Packaged templates deploy the zip files beside them."""

import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_parse

from release_files import ARCHITECTURES, DIST, ROOT
from release import (
    APPLICATION,
    CannotPackage,
    compiled_functions,
    packaged,
    stacks,
    template_name,
)

SOURCE = yaml_parse((ROOT / "template.yaml").read_text())
BIN = ROOT / ".venv" / "bin"
BUCKET = "releases"
# Time limits for moto to start and for SAM to package, on a busy machine.
SECONDS = 300


def plain(template):
    """A template as plain dicts, whose order does not matter."""
    return json.loads(json.dumps(yaml_parse(template)))


class Templates(unittest.TestCase):
    def test_only_code_processor_and_application_differ_from_the_source(self):
        for architecture in ARCHITECTURES:
            template = yaml_parse((DIST / template_name(architecture)).read_text())
            for resource in compiled_functions(SOURCE):
                got = template["Resources"][resource]
                self.assertRegex(
                    got["Properties"].pop("CodeUri"), rf"^\./[a-z-]+-{architecture}\.zip$"
                )
                expected = SOURCE["Resources"][resource]["Properties"].copy()
                expected.pop("CodeUri", None)
                self.assertEqual(got["Properties"], expected)
            parameter = template["Parameters"].pop("Architecture")
            self.assertEqual(parameter["AllowedValues"], [architecture])
            self.assertEqual(parameter["Default"], architecture)
            for section in ("Parameters", "Rules", "Conditions", "Outputs"):
                expected = dict(SOURCE[section])
                expected.pop("Architecture", None)
                self.assertEqual(template[section], expected, section)
            self.assertEqual(set(template["Resources"]), set(SOURCE["Resources"]))
            for resource, file in stacks(SOURCE).items():
                beside = template["Resources"][resource]["Properties"]["TemplateURL"]
                self.assertEqual((DIST / beside).read_bytes(), (ROOT / file).read_bytes())
            self.assertNotIn("CodeUri", template["Globals"]["Function"])

    def test_the_metadata_suits_the_application_repository(self):
        for architecture in ARCHITECTURES:
            template = packaged(SOURCE, architecture, "1.2.3", "https://example.com/repository")
            told = template["Metadata"][APPLICATION]
            self.assertRegex(told["Name"], r"^[a-zA-Z0-9\-]{1,140}$")
            self.assertRegex(told["Author"], r"^[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$")
            self.assertLessEqual(len(told["Description"]), 256)
            self.assertLessEqual(len(told["Labels"]), 10)
            for label in told["Labels"]:
                self.assertRegex(label, r"^[a-zA-Z0-9+\-_:\/@]+$")
            self.assertEqual(told["SemanticVersion"], "1.2.3")
            for text in (told["LicenseUrl"], told["ReadmeUrl"]):
                self.assertTrue((DIST / text).is_file(), text)

    def test_nested_stacks_are_beside_the_template(self):
        template = {
            "Parameters": {"Architecture": {}},
            "Resources": {
                "Inner": {
                    "Type": "AWS::CloudFormation::Stack",
                    "Properties": {"TemplateURL": "stacks/inner.yaml"},
                }
            },
        }
        inner = packaged(template, "arm64", "1.2.3")["Resources"]["Inner"]
        self.assertEqual(inner["Properties"]["TemplateURL"], "./stack-inner.yaml")

    def test_an_unknown_function_is_refused(self):
        function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "elsewhere/"}}
        with self.assertRaisesRegex(CannotPackage, "Other"):
            compiled_functions({"Resources": {"Other": function}})
        inline = {"Type": "AWS::Serverless::Function", "Properties": {"InlineCode": "pass"}}
        self.assertEqual(compiled_functions({"Resources": {"Inline": inline}}), {})


class Package(unittest.TestCase):
    """The uploads of `sam deploy` and `sam publish`, to moto's S3."""

    @classmethod
    def setUpClass(cls):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        cls.url = url = f"http://127.0.0.1:{port}"
        cls.moto = subprocess.Popen(
            [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        cls.addClassCleanup(cls.moto.wait)
        cls.addClassCleanup(cls.moto.terminate)
        cls.wait_for(port)
        account = {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        cls.environment = os.environ | account | {"AWS_ENDPOINT_URL": url}
        cls.s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        cls.s3.create_bucket(Bucket=BUCKET)

    @classmethod
    def wait_for(cls, port):
        """Waits until moto listens."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if cls.moto.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def test_it_uploads_the_files_of_the_release_unchanged(self):
        for architecture in ARCHITECTURES:
            template = yaml_parse(self.sam_package(architecture))
            for resource, function in compiled_functions(SOURCE).items():
                uri = template["Resources"][resource]["Properties"]["CodeUri"]
                self.assertEqual(
                    self.uploaded(uri),
                    (DIST / f"{function}-{architecture}.zip").read_bytes(),
                    resource,
                )
            urls = stacks(template)
            self.assertEqual(set(urls), set(stacks(SOURCE)))
            for resource, file in stacks(SOURCE).items():
                uploaded = self.uploaded(urls[resource].replace(f"{self.url}/", "s3://"))
                found = plain(uploaded.decode())
                for name, body in found["Resources"].items():
                    # Metadata that SAM adds.
                    self.assertEqual(body.pop("Metadata"), {"SamResourceId": name})
                self.assertEqual(found, plain((ROOT / file).read_text()), file)
            told = template["Metadata"][APPLICATION]
            self.assertEqual(self.uploaded(told["LicenseUrl"]), (ROOT / "LICENSE").read_bytes())
            self.assertEqual(self.uploaded(told["ReadmeUrl"]), (ROOT / "README.md").read_bytes())

    def sam_package(self, architecture):
        """The template that `sam package` writes."""
        with tempfile.TemporaryDirectory() as scratch:
            output = Path(scratch) / "packaged.yaml"
            command = [BIN / "sam", "package", "--s3-bucket", BUCKET]
            command += ["--template-file", DIST / template_name(architecture)]
            result = subprocess.run(
                [*command, "--output-template-file", output],
                cwd=scratch,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
            self.assertEqual(result.returncode, 0, result.stderr)
            return output.read_text()

    def uploaded(self, uri):
        """The bytes of an object in S3."""
        self.assertTrue(uri.startswith(f"s3://{BUCKET}/"), uri)
        key = uri.removeprefix(f"s3://{BUCKET}/")
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


if __name__ == "__main__":
    unittest.main()
