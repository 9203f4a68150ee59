"""The HTTP interface of the Rust code, read from its source.

Fails if the source does not have the expected form, so that no comparison uses an empty result.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = ["user", "user-event-types", "check-availability"]
# The source files that are parsed.
ERRORS, RESPONSE = "shared/src/error.rs", "shared/src/lambda/response/mod.rs"
LIMITS = "functions/check-availability/src/question/mod.rs"
CACHE_TYPE = "AvailabilityCache"
CONSTANTS = {"X_REQUEST_ID": "x-request-id"}
# Codes and headers that only the MCP server sends.
AGENT_CODES = {"method_not_allowed": 405, "origin_not_allowed": 403, "message_too_large": 413, "not_found": 404}
AGENT_HEADERS = {"allow"}

# Names of statuses in the crate `http`.
STATUSES = {
    "BAD_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404, "INTERNAL_SERVER_ERROR": 500,
    "METHOD_NOT_ALLOWED": 405, "PAYLOAD_TOO_LARGE": 413, "BAD_GATEWAY": 502, "SERVICE_UNAVAILABLE": 503, "GATEWAY_TIMEOUT": 504,
}  # fmt: skip


def _source(path):
    """A file without its unit tests."""
    return re.split(r"^#\[cfg\(test\)\]", (ROOT / path).read_text(), flags=re.MULTILINE)[0]


def _arms(source, function):
    """[(pattern, value)] of the `match self` in a method of Error, one per alternative."""
    body = re.search(rf"^    pub fn {function}\(&self\).*?^    }}$", source, re.MULTILINE | re.DOTALL)[0]
    arms = []
    # rustfmt puts a long value into a block.
    body = re.sub(r"=> \{\s+(\S+)\s+\}", r"=> \1,", body)
    for patterns, value in re.findall(r"((?:Self::[^=]+?))\s=>\s(.+?),$", body, re.MULTILINE | re.DOTALL):
        for pattern in re.split(r"\s*\|\s*", patterns):
            name = pattern.removeprefix("Self::").replace(" { .. }", "").replace("TokenError::", "")
            arms.append((name.replace("(_)", ""), value))
    assert arms, f"no arm of {function} found"
    return arms


def codes():
    """{code: status} of each error, `None` for the one with Calendly's status."""
    source = _source(ERRORS)
    statuses = dict(reversed(_arms(source, "status")))
    read = {}
    for name, code in _arms(source, "code"):
        # JSON-RPC errors are not problem responses.
        if name.startswith(("About", "InvalidMessage")):
            continue
        kind = name.partition("(")[0]
        value = statuses.get(name) or statuses.get(kind) or statuses[f"{kind}(error)"]
        read[code.strip('"')] = None if value == "error.status" else STATUSES[value.removeprefix("StatusCode::")]
    assert AGENT_CODES.items() <= read.items(), read
    return {code: status for code, status in read.items() if code not in AGENT_CODES}


def parameters(function):
    """{query parameter: whether it is required} of a function."""
    read = {}
    for path in sorted((ROOT / "functions" / function / "src").glob("**/*.rs")):
        for method, name in re.findall(r"query\s*\.(\w+)\(\s*\"(\w+)\"", _source(path)):
            read[name] = read.get(name, False) or method == "require"
    if "at" in read:
        # `at` replaces these two.
        read |= {"start_time": False, "end_time": False}
    return read


def values(function):
    """{query parameter: its values} of a function, for parameters with a list of values."""
    found = {}
    for path in sorted((ROOT / "functions" / function / "src").glob("**/*.rs")):
        source = _source(path)
        blocks = re.findall(r'match query\.get\("(\w+)"\)\? \{\n(.*?)^        \}', source, re.MULTILINE | re.DOTALL)
        blocks += re.findall(r"^fn parse_(\w+)\(text: &str\).*?match text \{\n(.*?)^    \}", source, re.MULTILINE | re.DOTALL)
        for name, arms in blocks:
            patterns = [arm.split("=>")[0] for arm in arms.splitlines() if "=>" in arm]
            found[name] = set(re.findall(r'"(\w+)"', " ".join(patterns)))
    # A parameter without listed values accepts any.
    return {name: words for name, words in found.items() if words}


def most(constant):
    """The value of a constant that bounds a parameter of check-availability."""
    source = _source(LIMITS)
    [value] = re.findall(rf"^const {constant}: usize = ([\d_]+);$", source, re.MULTILINE)
    return int(value)


def can_lack_an_event_type(function):
    """Whether a function has the error `no_event_type`."""
    return any(
        "Error::NoEventType" in _source(path) for path in (ROOT / "functions" / function / "src").glob("**/*.rs")
    )


def has_cache(function):
    """Whether a function has the availability cache, and so accepts `no-cache`."""
    return any(CACHE_TYPE in _source(path) for path in (ROOT / "functions" / function / "src").glob("**/*.rs"))


def headers():
    """The headers of answers, in lower case, without the content type."""
    names = re.findall(r"\.insert\((\w+),", _source(RESPONSE))
    assert names, "no header found"
    names = {CONSTANTS.get(name, name.lower().replace("_", "-")) for name in names}
    assert AGENT_HEADERS <= names, names
    return names - AGENT_HEADERS - {"content-type"}
