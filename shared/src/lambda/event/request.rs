//! The conversion of an API Gateway event to a `lambda_http::Request`.

use lambda_http::{
    Body, Request, RequestExt,
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    request::RequestContext,
};

use super::{Members, pairs::Pairs};
use crate::Query;

impl Members<'_> {
    /// The request without its body. It has no URI, which nothing reads.
    pub(super) fn into_request(self, method: Method, context: RequestContext) -> Request {
        let query = query(
            self.raw_query_string,
            self.query_string_parameters,
            self.multi_value_query_string_parameters,
        );
        let mut request = Request::new(Body::Empty)
            .with_raw_http_path(self.raw_path.or(self.path).unwrap_or_default())
            .with_query_string_parameters(query.into_map())
            .with_request_context(context);
        *request.method_mut() = method;
        *request.headers_mut() = header_map(self.headers.0, self.multi_value_headers.0);
        request
    }
}

/// The query parameters. An HTTP API sends them in `raw`. A REST API sends all values in `multiple`, and the last of each
/// parameter in `single`.
fn query(
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
fn header_map(
    single: Vec<(String, Option<String>)>,
    multiple: Vec<(String, Option<Vec<String>>)>,
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
    use super::{super::Event, *};

    fn request(json: &str) -> Request {
        match Event::parse(json, 0) {
            Event::Request(request) => *request,
            other => panic!("{json}: {other:?}"),
        }
    }

    fn values(request: &Request, header: &str) -> Vec<String> {
        let values = request.headers().get_all(header).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    fn parameters(request: &Request, name: &str) -> Vec<String> {
        let parameters = request.query_string_parameters();
        parameters.all(name).unwrap_or_default().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn events_of_both_gateways() {
        let http = request(
            r#"{"version":"2.0","rawPath":"/calendly/user","headers":{"authorization":"Bearer x","accept-encoding":"gzip"},
                "rawQueryString":"active=true&x=%2B&x=b","requestContext":{"http":{"method":"HEAD"},"stage":"s"}}"#,
        );
        assert_eq!(http.method(), Method::HEAD);
        assert_eq!(http.raw_http_path(), "/calendly/user");
        assert_eq!(values(&http, "Authorization"), ["Bearer x"]);
        assert_eq!(parameters(&http, "x"), ["+", "b"]);
        match http.request_context() {
            RequestContext::ApiGatewayV2(context) => assert_eq!(context.http.method, Method::HEAD),
            other => panic!("{other:?}"),
        }

        let rest = request(
            r#"{"httpMethod":"GET","path":"/p","headers":{"Authorization":"Bearer x","X-Other":"1"},
                "multiValueHeaders":{"Authorization":["Bearer x"]},"queryStringParameters":{"active":"false"},
                "multiValueQueryStringParameters":{"active":["true","false"]},
                "requestContext":{"httpMethod":"GET","stage":"s","identity":{}}}"#,
        );
        assert_eq!((rest.method(), rest.raw_http_path()), (&Method::GET, "/p"));
        assert_eq!(values(&rest, "authorization"), ["Bearer x"]);
        assert_eq!(values(&rest, "x-other"), ["1"]);
        assert_eq!(parameters(&rest, "active"), ["true", "false"]);
        match rest.request_context() {
            RequestContext::ApiGatewayV1(context) => assert_eq!(context.http_method, Method::GET),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bodies_are_read_on_request() {
        let event = r#"{"version":"2.0","rawPath":"/dev/calendly/mcp","body":"e30=","isBase64Encoded":true,
            "requestContext":{"domainName":"x.example","http":{"method":"POST"}}}"#;
        assert!(request(event).body().is_empty());
        let Event::Request(read) = Event::parse(event, 2) else { panic!() };
        assert_eq!(read.body().as_ref(), b"{}");
        let RequestContext::ApiGatewayV2(context) = read.request_context() else { panic!() };
        assert_eq!(context.domain_name.as_deref(), Some("x.example"));
        let event = r#"{"httpMethod":"POST","path":"/calendly/mcp","body":"{}","isBase64Encoded":false,
            "requestContext":{"domainName":"x.example","path":"/prod/calendly/mcp"}}"#;
        let Event::Request(read) = Event::parse(event, 2) else { panic!() };
        assert_eq!(read.body().as_ref(), b"{}");
        let RequestContext::ApiGatewayV1(context) = read.request_context() else { panic!() };
        assert_eq!(context.path.as_deref(), Some("/prod/calendly/mcp"));
        assert_eq!(context.domain_name.as_deref(), Some("x.example"));
    }

    #[test]
    fn an_empty_raw_query_string_counts_as_absent() {
        let http = request(
            r#"{"rawPath":"/p","rawQueryString":"","queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(parameters(&http, "slug"), ["a"]);
    }

    #[test]
    fn nulls_and_unusual_headers_are_accepted() {
        let rest = request(
            r#"{"httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":null,
                "multiValueQueryStringParameters":null,"requestContext":{}}"#,
        );
        assert!(rest.headers().is_empty());
        assert!(rest.query_string_parameters().is_empty());
        let http = request(
            r#"{"headers":{"host":"a b:c","x-name":"José","AUTHORIZATION":"one","authorization":"two","a b":"c"},
                "rawPath":"no path at all","queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(values(&http, "authorization"), ["one", "two"]);
        assert_eq!(values(&http, "x-name"), ["José"]);
        assert_eq!(parameters(&http, "slug"), ["a"]);
        assert_eq!(http.raw_http_path(), "no path at all");
    }

    #[test]
    fn control_characters_in_a_header_are_replaced() {
        let http = request(
            r#"{"headers":{"Authorization":"Bearer a\r\nX-B: c","authorization":"Bearer b"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(values(&http, "authorization"), ["Bearer a\u{FFFD}\u{FFFD}X-B: c", "Bearer b"]);
    }
}
