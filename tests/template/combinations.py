"""Combinations of the parameters that determine the resources."""

import itertools

from resolver import SECRETS
from translation import refusals, resources

AUDIENCE = {"JwtAudience": "one,two"}
ISSUER = "https://issuer.example.com"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"

SIMPLEST = AUDIENCE | {"JwtIssuer": ISSUER}

# Values of each kind of parameter. The first of each is the simplest deployment.
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
    "caller hash": [{}, {"CallerHash": "ENABLED"}],
}


def deployed(**parameters):
    """All resources of the simplest deployment with these parameters."""
    parameters = SIMPLEST | parameters
    if "JwtSecretId" in parameters:
        del parameters["JwtIssuer"]
    return resources(**parameters)


def combinations():
    """Every combination, including those that the rules refuse."""
    for chosen in itertools.product(*KINDS.values()):
        yield AUDIENCE | {name: value for part in chosen for name, value in part.items()}


def allowed():
    """Every combination that the rules allow."""
    return [parameters for parameters in combinations() if not refusals(**parameters)]


def contradicts(parameters):
    """Whether the parameters contradict each other, independently of the template's rules."""
    published = "JwtIssuer" in parameters
    shared = "JwtSecretId" in parameters
    keys = "JwtJwksUrl" in parameters
    gateway = "GatewayAuthorizer" in parameters
    return published == shared or (keys and not published) or (gateway and (shared or keys))
