"""The parameters that lead to different resources, and every combination of their values."""

import itertools

from resolver import SECRETS
from translation import refusals, resources

AUDIENCE = {"JwtAudience": "one,two"}
ISSUER = "https://issuer.example.com"

SIMPLEST = AUDIENCE | {"JwtIssuer": ISSUER}

# Values of each kind that decides which resources there are. The first of each is the simplest
# deployment.
KINDS = {
    "issuer": [
        {"JwtIssuer": ISSUER},
        {"JwtIssuer": ISSUER, "JwtJwksUrl": f"{ISSUER}/keys"},
        {"JwtSecretId": "jwt/secret"},
        {"JwtSecretId": SECRETS + "jwt/secret-AbCdEf"},
        {},
        {"JwtJwksUrl": f"{ISSUER}/keys"},
        {"JwtIssuer": ISSUER, "JwtSecretId": SECRETS + "jwt/secret-AbCdEf"},
    ],
    "authorizer": [{}, {"GatewayAuthorizer": "ENABLED"}],
    "pat": [
        {},
        {"CalendlyPatSecretId": "calendly/pat"},
        {"CalendlyPatSecretId": SECRETS + "calendly/pat-AbCdEf"},
        {"CalendlyPatSecretId": "calendly/pat/{sub}"},
        {"CalendlyPatSecretId": SECRETS + "calendly/pat/{sub}"},
    ],
    "key": [{}, {"SecretsKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0-1"}],
    "cors": [
        {},
        {"CorsAllowOrigins": "*"},
        {"CorsAllowOrigins": "https://a.example,https://b.example"},
    ],
    "alarms": [
        {},
        {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"},
        {"Alarms": "DISABLED"},
    ],
    "dashboard": [{}, {"Dashboard": "DISABLED"}],
    "provisioned": [{}, {"ProvisionedConcurrency": 2}],
    "cache": [{}, {"SharedCache": "ENABLED"}],
    "tracing": [{}, {"Tracing": "ENABLED"}],
    "caller hash": [{}, {"CallerHash": "ENABLED"}],
}


def deployed(**parameters):
    """All resources of a deployment with these parameters, and the simplest for the others."""
    parameters = SIMPLEST | parameters
    if "JwtSecretId" in parameters:
        del parameters["JwtIssuer"]
    return resources(**parameters)


def combinations():
    """Every combination, those that the rules refuse included."""
    for chosen in itertools.product(*KINDS.values()):
        yield AUDIENCE | {name: value for part in chosen for name, value in part.items()}


def allowed():
    """Every combination that the rules allow."""
    return [parameters for parameters in combinations() if not refusals(**parameters)]


def contradicts(parameters):
    """Whether the parameters contradict each other, in words other than the template's."""
    published = "JwtIssuer" in parameters
    shared = "JwtSecretId" in parameters
    keys = "JwtJwksUrl" in parameters
    gateway = "GatewayAuthorizer" in parameters
    return published == shared or (keys and not published) or (gateway and (shared or keys))
