"""What the Rust code says of its HTTP interface, read from its text.

A text that is not written as expected here fails loudly: an empty result is never compared.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = ["user", "user-event-types", "check-availability"]
CONSTANTS = {"X_REQUEST_ID": "x-request-id"}

# http's names of statuses that the code uses.
STATUSES = {
    "BAD_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404, "INTERNAL_SERVER_ERROR": 500,
    "BAD_GATEWAY": 502, "SERVICE_UNAVAILABLE": 503, "GATEWAY_TIMEOUT": 504,
}  # fmt: skip


def _source(path):
    """A file without its tests."""
    return re.split(r"^#\[cfg\(test\)\]", (ROOT / path).read_text(), flags=re.MULTILINE)[0]


def _arms(source, function):
    """[(pattern, value)] of the `match self` of a method of Error, an alternative a row."""
    body = re.search(rf"^    pub fn {function}\(&self\).*?^    }}$", source, re.MULTILINE | re.DOTALL)[0]
    arms = []
    for patterns, value in re.findall(r"((?:Self::[^=]+?))\s=>\s(.+?),$", body, re.MULTILINE | re.DOTALL):
        for pattern in re.split(r"\s*\|\s*", patterns):
            name = pattern.removeprefix("Self::").replace(" { .. }", "").replace("TokenError::", "")
            arms.append((name.replace("(_)", ""), value))
    assert arms, f"no arm of {function} found"
    return arms


def codes():
    """{code: status} of every error, `None` for the one that has Calendly's own."""
    source = _source("shared/src/error.rs")
    # `if` and blocks would hide something from this reader.
    statuses = dict(reversed(_arms(source, "status")))
    read = {}
    # An error about one of several things has the code and the status of the error itself.
    for name, code in _arms(source, "code"):
        if name.startswith("About"):
            continue
        kind = name.partition("(")[0]
        value = statuses.get(name) or statuses.get(kind) or statuses[f"{kind}(error)"]
        read[code.strip('"')] = None if value == "error.status" else STATUSES[value.removeprefix("StatusCode::")]
    return read


def parameters(function):
    """{name: whether it is required} of the query parameters that a function reads."""
    read = {}
    for path in sorted((ROOT / "functions" / function / "src").glob("**/*.rs")):
        for method, name in re.findall(r"query\s*\.(\w+)\(\s*\"(\w+)\"", _source(path)):
            read[name] = read.get(name, False) or method == "require"
    if "at" in read:
        # Instead of these two.
        read |= {"start_time": False, "end_time": False}
    return read


def values(function):
    """{name: values} of the query parameters of which a function takes certain words alone."""
    found = {}
    for path in sorted((ROOT / "functions" / function / "src").glob("**/*.rs")):
        source = _source(path)
        blocks = re.findall(r'match query\.get\("(\w+)"\)\? \{\n(.*?)^        \}', source, re.MULTILINE | re.DOTALL)
        blocks += re.findall(r"^fn parse_(\w+)\(text: &str\).*?match text \{\n(.*?)^    \}", source, re.MULTILINE | re.DOTALL)
        for name, arms in blocks:
            patterns = [arm.split("=>")[0] for arm in arms.splitlines() if "=>" in arm]
            found[name] = set(re.findall(r'"(\w+)"', " ".join(patterns)))
    # What is matched for whether it is there takes any.
    return {name: words for name, words in found.items() if words}


def most(constant):
    """The value of a constant of check-availability's that bounds a parameter."""
    source = _source("functions/check-availability/src/question.rs")
    [value] = re.findall(rf"^const {constant}: usize = ([\d_]+);$", source, re.MULTILINE)
    return int(value)


def can_lack_an_event_type(function):
    """Whether a function has the error `no_event_type`."""
    return any(
        "Error::NoEventType" in _source(path) for path in (ROOT / "functions" / function / "src").glob("**/*.rs")
    )


def keeps_answers(function):
    """Whether a function may serve Calendly's answers again, and a caller may want a fresh one."""
    return any("KeptTimes" in _source(path) for path in (ROOT / "functions" / function / "src").glob("**/*.rs"))


def headers():
    """The headers that an answer may have, in lower case, without the content type."""
    names = re.findall(r"\.insert\((\w+),", _source("shared/src/response/mod.rs"))
    assert names, "no header found"
    return {CONSTANTS.get(name, name.lower().replace("_", "-")) for name in names} - {"content-type"}
