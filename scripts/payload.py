"""HTTP requests and answers as events of API Gateway's HTTP API, payload 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import urllib.parse

ACCOUNT = "123456789012"
TEXT = ("text/", "application/json")


def event(method, target, headers, body=b"", *, route_key, api, domain, caller, request_id, time, epoch_ms):
    """The event of a request; `headers` are pairs, `body` is bytes. Empty members are left out, as API Gateway does."""
    path, _, query = target.partition("?")
    grouped = group((name.lower(), value) for name, value in headers)
    parameters = group(urllib.parse.parse_qsl(query, keep_blank_values=True))
    cookies = grouped.pop("cookie", None)
    is_text = grouped.get("content-type", TEXT)[0].startswith(TEXT)
    members = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "cookies": "; ".join(cookies).split("; ") if cookies else None,
        "headers": {name: ",".join(values) for name, values in grouped.items()},
        "queryStringParameters": {name: ",".join(values) for name, values in parameters.items()},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": api,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": caller,
                "userAgent": ",".join(grouped.get("user-agent", [])),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": time,
            "timeEpoch": epoch_ms,
        },
        "body": body.decode(errors="replace") if is_text else base64.b64encode(body).decode(),
        "isBase64Encoded": bool(body) and not is_text,
    }
    optional = ("cookies", "queryStringParameters", "body")
    return {name: value for name, value in members.items() if value or name not in optional}


def group(pairs):
    """{name: values} of pairs."""
    grouped = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def response(answer):
    """(status, headers, body) of a function's answer. Raises `ValueError` if it is not one of payload 2.0."""
    try:
        headers = [(name, str(value)) for name, value in answer.get("headers", {}).items()]
        headers += [("Set-Cookie", cookie) for cookie in answer.get("cookies", [])]
        body = answer.get("body") or ""
        body = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return int(answer["statusCode"]), headers, body
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an answer of payload 2.0: {error!r}") from error
