"""The parameters that lead to different resources, and every combination of their values."""

import itertools

from translation import refusals

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
AUDIENCE = {"JwtAudience": "one,two"}
ISSUER = "https://issuer.example.com"

# Values of each kind. The first of each is the simplest deployment.
KINDS = {
    "issuer": [
        {"JwtIssuer": ISSUER},
        {"JwtIssuer": ISSUER, "JwtJwksUrl": f"{ISSUER}/keys"},
        {"JwtSecretId": "jwt/secret"},
        {"JwtSecretId": SECRET_ARN + "jwt/secret-AbCdEf"},
        {},
        {"JwtJwksUrl": f"{ISSUER}/keys"},
        {"JwtIssuer": ISSUER, "JwtSecretId": SECRET_ARN + "jwt/secret-AbCdEf"},
    ],
    "authorizer": [{}, {"GatewayAuthorizer": "ENABLED"}],
    "pat": [
        {},
        {"CalendlyPatSecretId": "calendly/pat"},
        {"CalendlyPatSecretId": SECRET_ARN + "calendly/pat-AbCdEf"},
        {"CalendlyPatSecretId": "calendly/pat/{sub}"},
        {"CalendlyPatSecretId": SECRET_ARN + "calendly/pat/{sub}"},
    ],
    "key": [{}, {"SecretsKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0-1"}],
    "cors": [
        {},
        {"CorsAllowOrigins": "*"},
        {"CorsAllowOrigins": "https://a.example,https://b.example"},
    ],
    "alarms": [{}, {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"}],
    "provisioned": [{}, {"ProvisionedConcurrency": 2}],
    "architecture": [{}, {"Architecture": "x86_64"}],
    "warm_up": [{}, {"WarmUp": "DISABLED"}],
}


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
