"""Packaged templates deploy the zip files beside them."""

import io
import json
import logging
import os
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import boto3
from elftools.elf.elffile import ELFFile
from moto.server import ThreadedMotoServer
from samcli.yamlhelper import yaml_parse

from release_files import ARCHITECTURES, DIST, ROOT
from local import BINARY_NAMES
from release import APPLICATION, CannotPackage, compiled_functions, stacks, template_name, zip_name

SOURCE = yaml_parse((ROOT / "template.yaml").read_text())
SAM = ROOT / ".venv" / "bin" / "sam"
BUCKET = "releases"
# The time limit of SAM on a busy machine.
SECONDS = 300
MACHINES = {"x86_64": "x64", "arm64": "AArch64"}
# moto would log each request.
logging.getLogger("werkzeug").setLevel(logging.WARNING)


def plain(template):
    """A template as plain dicts, whose order does not matter."""
    return json.loads(json.dumps(yaml_parse(template)))


class ZipFiles(unittest.TestCase):
    def test_each_holds_one_executable_for_its_processor(self):
        for architecture in ARCHITECTURES:
            for function in BINARY_NAMES:
                with zipfile.ZipFile(DIST / zip_name(function, architecture)) as file:
                    [entry] = file.infolist()
                    executable = ELFFile(io.BytesIO(file.read(entry)))
                self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
                self.assertEqual(entry.date_time, (1980, 1, 1, 0, 0, 0))
                self.assertEqual(executable.get_machine_arch(), MACHINES[architecture])


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

    def test_they_are_valid(self):
        for architecture in ARCHITECTURES:
            command = [SAM, "validate", "--lint", "--template-file", DIST / template_name(architecture)]
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_an_unknown_function_is_refused(self):
        function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "elsewhere/"}}
        with self.assertRaisesRegex(CannotPackage, "Other"):
            compiled_functions({"Resources": {"Other": function}})


class Package(unittest.TestCase):
    """The uploads of `sam deploy` and `sam publish`, to moto's S3."""

    @classmethod
    def setUpClass(cls):
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        cls.addClassCleanup(server.stop)
        cls.url = "http://{}:{}".format(*server.get_host_and_port())
        account = {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": cls.url,
        }
        cls.environment = os.environ | account
        with mock.patch.dict(os.environ, account):
            cls.s3 = boto3.client("s3")
        cls.s3.create_bucket(Bucket=BUCKET)

    def test_it_uploads_the_files_of_the_release_unchanged(self):
        for architecture in ARCHITECTURES:
            template = yaml_parse(self.sam_package(architecture))
            for resource, function in compiled_functions(SOURCE).items():
                uri = template["Resources"][resource]["Properties"]["CodeUri"]
                self.assertEqual(
                    self.uploaded(uri),
                    (DIST / zip_name(function, architecture)).read_bytes(),
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
            command = [SAM, "package", "--s3-bucket", BUCKET]
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
