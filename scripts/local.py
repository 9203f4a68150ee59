"""Names, ports and settings of `make run`, which the sample events rely on."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Cargo's output folder of the debug profile.
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"

# The functions, by binary name. A function's route ends with its name.
FUNCTIONS = ["user", "user-event-types", "check-availability"]

# Everything that is deployed, including the opt-in MCP server.
BINARY_NAMES = [*FUNCTIONS, "mcp"]

SANDBOX_PORT = 4010
SECRETS_MANAGER_PORT = 4011
FUNCTIONS_PORT = 9000
FUNCTIONS_URL = f"http://127.0.0.1:{FUNCTIONS_PORT}"

# The `iss` of the tokens in events/, so it does not follow SANDBOX_PORT.
SANDBOX_PUBLIC_URL = f"http://127.0.0.1:{SANDBOX_PORT}"
ISSUER = f"{SANDBOX_PUBLIC_URL}/issuer"
AUDIENCE = "calendly-functions"

SANDBOX_PAT = "sandbox-pat"
PAT_SECRET_ID = "calendly/pat"

CACHE_TABLE = "calendly-cache"
CACHE_SECONDS = 15
STALE_SECONDS = 600

REGION = "us-east-1"

# template.yaml's Timeout, in seconds.
FUNCTION_TIMEOUT = 28


def route(function):
    """The path that API Gateway maps to a function."""
    return f"/calendly/{function}"


MCP_ROUTE = "/calendly/mcp"
MCP_METADATA_ROUTE = f"/.well-known/oauth-protected-resource{MCP_ROUTE}"

# {route key of API Gateway: binary}. A method is a name or `ANY`. Paths must match exactly.
ROUTES = {f"GET {route(function)}": function for function in FUNCTIONS} | {
    # The MCP server answers methods other than POST itself.
    f"ANY {MCP_ROUTE}": "mcp",
    f"GET {MCP_METADATA_ROUTE}": "mcp",
}


def function_environment(sandbox, secrets_manager):
    """The inherited environment with the functions' settings, for these base URLs of the stand-ins.

    The developer's AWS settings and `CALENDLY_PAT` are left out.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AWS_CA_BUNDLE", "AWS_LAMBDA_LOG_"))
        or not name.startswith(("AWS_", "CALENDLY_PAT", "JWT_"))
    }
    return (
        inherited
        | configuration(sandbox, secrets_manager)
        | {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    )


def configuration(sandbox, secrets_manager):
    """The functions' own variables."""
    return {
        "CALENDLY_PAT_SECRET_ID": PAT_SECRET_ID,
        "CALENDLY_BASE_URL": sandbox,
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "JWT_JWKS_URL": f"{sandbox}/issuer/jwks",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager,
    }


def shared_cache(dynamodb):
    """The settings of a cache that is shared through a table of this DynamoDB."""
    return {
        "CACHE_TABLE": CACHE_TABLE,
        "AVAILABILITY_CACHE_SECONDS": str(CACHE_SECONDS),
        "AVAILABILITY_STALE_SECONDS": str(STALE_SECONDS),
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
    }
