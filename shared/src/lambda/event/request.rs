//! The headers and query parameters of an API Gateway event.

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};

use super::pairs::Pairs;
use crate::Query;

/// The query parameters. An HTTP API sends them in `raw`. A REST API sends all values in `multiple`, and the last of
/// each parameter in `single`.
pub(super) fn query(
    raw: Option<String>,
    Pairs(single): Pairs<Option<String>>,
    Pairs(multiple): Pairs<Option<Vec<String>>>,
) -> Query {
    let with_name = |(name, values): (String, Option<Vec<String>>)| {
        values.unwrap_or_default().into_iter().map(move |value| (name.clone(), value))
    };
    match raw {
        Some(raw) if !raw.is_empty() => {
            let Ok(query) = raw.parse();
            query
        }
        _ if multiple.is_empty() => {
            single.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()
        }
        _ => multiple.into_iter().flat_map(with_name).collect(),
    }
}

/// All header values. A header in the map of multiple values is not read from the other map.
pub(super) fn headers(
    Pairs(single): Pairs<Option<String>>,
    Pairs(multiple): Pairs<Option<Vec<String>>>,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(single.len().max(multiple.len()));
    for (name, values) in multiple {
        let Ok(name) = HeaderName::try_from(name) else { continue };
        for value in values.unwrap_or_default() {
            headers.append(name.clone(), header_value(value));
        }
    }
    let others: Vec<_> = single
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, value?)))
        .filter(|(name, _)| !headers.contains_key(name))
        .collect();
    for (name, value) in others {
        headers.append(name, header_value(value));
    }
    headers
}

/// A header value. Control characters, such as line breaks, are replaced: the header stays, with a value that cannot
/// be mistaken for a valid one.
fn header_value(value: String) -> HeaderValue {
    HeaderValue::try_from(&value)
        .or_else(|_| HeaderValue::try_from(value.replace(char::is_control, "\u{FFFD}")))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Gateway, HttpRequest};

    fn parse(json: &str, max_body_bytes: usize) -> HttpRequest {
        match Event::parse(json, max_body_bytes) {
            Event::Request(request) => *request,
            other => panic!("{json}: {other:?}"),
        }
    }

    fn request(json: &str) -> HttpRequest {
        parse(json, 0)
    }

    fn values(request: &HttpRequest, header: &str) -> Vec<String> {
        let values = request.headers.get_all(header).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    #[test]
    fn events_of_both_gateways() {
        let http = request(
            r#"{"version":"2.0","rawPath":"/calendly/user","headers":{"authorization":"Bearer x","accept-encoding":"gzip"},
                "rawQueryString":"active=true&x=%2B&x=b","requestContext":{"http":{"method":"HEAD"},"stage":"s"}}"#,
        );
        assert_eq!((http.gateway, http.method(), http.path()), (Gateway::Http, "HEAD", "/calendly/user"));
        assert_eq!(values(&http, "Authorization"), ["Bearer x"]);
        assert_eq!(http.query.all("x").unwrap(), ["+", "b"]);

        let rest = request(
            r#"{"httpMethod":"GET","path":"/p","headers":{"Authorization":"Bearer x","X-Other":"1"},
                "multiValueHeaders":{"Authorization":["Bearer x"]},"queryStringParameters":{"active":"false"},
                "multiValueQueryStringParameters":{"active":["true","false"]},
                "requestContext":{"httpMethod":"GET","stage":"s","identity":{}}}"#,
        );
        assert_eq!((rest.gateway, rest.method(), rest.path()), (Gateway::Rest, "GET", "/p"));
        assert_eq!(values(&rest, "authorization"), ["Bearer x"]);
        assert_eq!(values(&rest, "x-other"), ["1"]);
        assert_eq!(rest.query.all("active").unwrap(), ["true", "false"]);
    }

    #[test]
    fn domain_names_paths_and_bodies() {
        let event = r#"{"version":"2.0","rawPath":"/dev/calendly/mcp","body":"e30=","isBase64Encoded":true,
            "requestContext":{"domainName":"x.example","path":"/other","http":{"method":"POST"}}}"#;
        let http = parse(event, 2);
        assert_eq!((http.domain_name(), http.public_path()), (Some("x.example"), "/dev/calendly/mcp"));
        assert_eq!(http.body().unwrap(), b"{}");
        assert_eq!(parse(event, 1).body().unwrap_err().code(), "message_too_large");
        let event = r#"{"httpMethod":"POST","path":"/calendly/mcp","body":"e30=","isBase64Encoded":false,
            "requestContext":{"domainName":"x.example","path":"/prod/calendly/mcp"}}"#;
        let rest = parse(event, 4);
        assert_eq!((rest.domain_name(), rest.public_path()), (Some("x.example"), "/prod/calendly/mcp"));
        assert_eq!((rest.path(), rest.body().unwrap()), ("/calendly/mcp", &b"e30="[..]));
    }

    #[test]
    fn repeated_headers_are_joined() {
        let request = request(
            r#"{"httpMethod":"GET","multiValueHeaders":{"mcp-name":["a","b, c"]},"requestContext":{}}"#,
        );
        assert_eq!(request.header("Mcp-Name").as_deref(), Some("a, b, c"));
        assert_eq!(request.header("host"), None);
    }

    #[test]
    fn an_empty_raw_query_string_counts_as_absent() {
        let http = request(
            r#"{"rawPath":"/p","rawQueryString":"","queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(http.query.all("slug").unwrap(), ["a"]);
    }

    #[test]
    fn nulls_and_unusual_headers_are_accepted() {
        let rest = request(
            r#"{"httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":null,
                "multiValueQueryStringParameters":null,"requestContext":{}}"#,
        );
        assert!(rest.headers.is_empty());
        assert!(rest.query.all("slug").unwrap().is_empty());
        let http = request(
            r#"{"headers":{"host":"a b:c","x-name":"José","AUTHORIZATION":"one","authorization":"two","a b":"c"},
                "rawPath":"no path at all","queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(values(&http, "authorization"), ["one", "two"]);
        assert_eq!(values(&http, "x-name"), ["José"]);
        assert_eq!(http.query.all("slug").unwrap(), ["a"]);
        assert_eq!(http.path(), "no path at all");
    }

    #[test]
    fn control_characters_in_a_header_are_replaced() {
        let http = request(
            r#"{"headers":{"Authorization":"Bearer a\r\nX-B: c","authorization":"Bearer b"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(values(&http, "authorization"), ["Bearer a\u{FFFD}\u{FFFD}X-B: c", "Bearer b"]);
    }
}
