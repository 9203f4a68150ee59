"""The changelog names everything that a version promises and that the first one did not have."""

import re
import unittest

from resolver import ROOT, source
from watching import log_fields, sent_metrics

# What 0.1.0 had.
FIRST = {
    "parameters": """
        AlarmTopicArn Architecture CalendlyBaseUrl CalendlyMaxRetries CalendlyPatSecretId
        CalendlyTimeoutMs CorsAllowOrigins EventTypeCacheSeconds GatewayAuthorizer JwtAudience
        JwtIssuer JwtJwksUrl JwtRequiredScope JwtSecretId LogLevel LogRetentionDays MemorySize
        PatCacheSeconds ProvisionedConcurrency SecretsKmsKeyArn SecretsManagerEndpointUrl
        ThrottlingBurstLimit ThrottlingRateLimit WarmUp WarmUpSchedule
    """,
    "outputs": """
        BaseUrl CalendlyPatSecretArn CheckAvailabilityFunctionName DashboardUrl
        UserEventTypesFunctionName UserFunctionName
    """,
    "variables": """
        CALENDLY_BASE_URL CALENDLY_MAX_RETRIES CALENDLY_PAT_SECRET_ID CALENDLY_TIMEOUT_MS
        EVENT_TYPE_CACHE_SECONDS JWT_AUDIENCE JWT_ISSUER JWT_JWKS_URL JWT_REQUIRED_SCOPE
        JWT_SECRET_ID PAT_CACHE_SECONDS
    """,
    "metrics": """
        CalendlyCalls CalendlyErrors CalendlyLatency ColdStart KeysUnavailable RateLimitRemaining
        SecretStale WarmUp
    """,
    "fields": """
        timestamp level message function request_id xray_trace_id status code parameter unprepared
        problem duration_ms cold_start calendly_calls calendly_retries calendly_ms cache
    """,
}
# AWS's own are AWS's to promise.
VARIABLE = re.compile(r'"((?!AWS_|CARGO_)[A-Z]+(?:_[A-Z]+)+)"')


def variables():
    """The environment variables that the functions read."""
    folders = [ROOT / "functions", ROOT / "shared" / "src" / "config"]
    code = "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.rs"))
    return set(VARIABLE.findall(code))


def promised():
    """What the changelog's own beginning says that a version promises, as far as it has names."""
    return {
        "parameters": set(source()["Parameters"]),
        "outputs": set(source()["Outputs"]),
        "variables": variables(),
        "metrics": set(sent_metrics()),
        "fields": log_fields(),
    }


class Changelog(unittest.TestCase):
    def test_it_names_what_is_new(self):
        changelog = (ROOT / "CHANGELOG.md").read_text()
        for kind, names in promised().items():
            first = set(FIRST[kind].split())
            # The names are found where they are looked for.
            self.assertLessEqual(first, names, kind)
            missing = {name for name in names - first if f"`{name}`" not in changelog}
            self.assertEqual(missing, set(), kind)


if __name__ == "__main__":
    unittest.main()
