"""The DynamoDB table of the shared cache."""

import unittest

from resolver import ROOT, source
from translation import FUNCTIONS, deployed, of_type

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0-1"


def dynamodb_code():
    [path] = (ROOT / "shared" / "src").rglob("dynamodb.rs")
    return path.read_text()


def table(**parameters):
    [found] = of_type(deployed(SharedCache="ENABLED", **parameters), "AWS::DynamoDB::Table").values()
    return found


class SharedCache(unittest.TestCase):
    def test_the_table_is_optional(self):
        self.assertEqual(of_type(deployed(), "AWS::DynamoDB::Table"), {})
        for function in FUNCTIONS:
            variables = deployed()[function]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["CACHE_TABLE"], "")
            self.assertEqual(variables["AVAILABILITY_CACHE_SECONDS"], "0")

    def test_attribute_names_are_those_that_the_functions_write(self):
        written = dynamodb_code()
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

    def test_it_is_on_demand_and_deleted_with_the_stack(self):
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


if __name__ == "__main__":
    unittest.main()
