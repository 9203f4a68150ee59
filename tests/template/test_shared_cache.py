"""The table that environments share: there where it is wanted, and what it is like."""

import json
import re
import unittest

from combinations import deployed
from resolver import ROOT, source
from test_permissions import shared
from translation import FUNCTIONS, of_type

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0-1"


def table(**parameters):
    [found] = of_type(deployed(SharedCache="ENABLED", **parameters), "AWS::DynamoDB::Table").values()
    return found


class SharedCache(unittest.TestCase):
    def test_it_is_there_only_where_it_is_wanted(self):
        self.assertEqual(of_type(deployed(), "AWS::DynamoDB::Table"), {})
        for function in FUNCTIONS:
            variables = deployed()[function]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["CACHE_TABLE"], "")
            self.assertEqual(variables["AVAILABILITY_CACHE_SECONDS"], "0")

    def test_its_items_have_the_names_that_the_functions_write(self):
        written = (ROOT / "shared" / "src" / "table" / "dynamodb.rs").read_text()
        [key] = table()["KeySchema"]
        self.assertEqual(key["KeyType"], "HASH")
        self.assertEqual(
            table()["AttributeDefinitions"],
            [{"AttributeName": key["AttributeName"], "AttributeType": "S"}],
        )
        expiry = table()["TimeToLiveSpecification"]
        self.assertTrue(expiry["Enabled"])
        for name in (key["AttributeName"], expiry["AttributeName"]):
            self.assertIn(f'"{name}"', written)

    def test_it_is_paid_by_the_request_and_goes_with_the_stack(self):
        self.assertEqual(table()["BillingMode"], "PAY_PER_REQUEST")
        entry = source()["Resources"]["CacheTable"]
        self.assertEqual((entry["DeletionPolicy"], entry["UpdateReplacePolicy"]), ("Delete",) * 2)
        self.assertFalse({"TableName", "PointInTimeRecoverySpecification"} & set(table()))

    def test_the_secrets_key_encrypts_it(self):
        self.assertNotIn("SSESpecification", table())
        self.assertEqual(
            table(SecretsKmsKeyArn=KEY)["SSESpecification"],
            {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
        )

    def test_functions_get_put_and_update_its_items_and_nothing_else(self):
        [_, statement] = shared(SharedCache="ENABLED")
        self.assertEqual(
            statement,
            {
                "Effect": "Allow",
                "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                "Resource": "<CacheTable.Arn>",
            },
        )
        self.assertNotIn("dynamodb", json.dumps(shared()))

    def test_the_functions_call_nothing_else(self):
        written = (ROOT / "shared" / "src" / "table" / "dynamodb.rs").read_text()
        called = set(re.findall(r'\.call\("(\w+)"', written))
        [_, statement] = shared(SharedCache="ENABLED")
        self.assertEqual({f"dynamodb:{name}" for name in called}, set(statement["Action"]))


if __name__ == "__main__":
    unittest.main()
