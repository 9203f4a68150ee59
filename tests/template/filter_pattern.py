"""CloudWatch Logs' JSON filter patterns, as far as the templates use them: comparisons joined by
&& and ||.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import fnmatch
import json
import re


def finds(pattern, line):
    """Whether a filter pattern finds a log line."""
    text = re.sub(
        r'\$\.(\w+) (=|!=|>=) ("[^"]*"|\d+)', lambda match: compare(line, *match.groups()), pattern
    )
    text = text.strip().removeprefix("{").removesuffix("}").strip()
    assert re.fullmatch(r"(True|False|&&|\|\||[() ])+", text), text
    return eval(text.replace("&&", "and").replace("||", "or"))


def compare(line, member, operation, literal):
    found, wanted = line.get(member), json.loads(literal)
    if operation == ">=":
        return str(isinstance(found, int) and found >= wanted)
    if isinstance(wanted, str):
        equal = isinstance(found, str) and fnmatch.fnmatchcase(found, wanted)
    else:
        equal = found == wanted
    return str(equal == (operation == "="))
