//! `POST /calendly/mcp` (docs/contract.md, section 11).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, Gateway, Invocation, ME, Request, Setup, World, day,
    json_fault, json_object, raw_collection,
};
use sandbox::{Fault, Mint};
use serde_json::{Value, json};

const VERSION: &str = "2026-07-28";
const METADATA: &str = "/.well-known/oauth-protected-resource/calendly/mcp";

async fn world() -> World {
    Setup::new(Binary::Mcp).start().await
}

/// A message of the stateless version, with the headers that it requires.
fn stateless(world: &World, method: &str, mut params: Value) -> Request {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut request = world.request().header("MCP-Protocol-Version", VERSION).header("Mcp-Method", method);
    if let Some(name) = params["name"].as_str() {
        request = request.header("Mcp-Name", name);
    }
    request.post(json!({"jsonrpc": "2.0", "id": "a-1", "method": method, "params": params}).to_string())
}

/// A message of the versions with a handshake.
fn message(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

/// The result of a tool, valid by the tool's own schema.
async fn call(world: &World, tool: &str, arguments: &Value) -> Value {
    let answer = call_answer(world, tool, arguments).await;
    let result = answer.json()["result"].clone();
    let listed = world.send(&stateless(world, "tools/list", json!({}))).await.json();
    let mut tools = listed["result"]["tools"].as_array().unwrap().iter();
    let schema = &tools.find(|listed| listed["name"] == tool).unwrap()["outputSchema"];
    let structured = &result["structuredContent"];
    jsonschema::validate(schema, structured).unwrap_or_else(|error| panic!("{structured}: {error}"));
    result
}

async fn call_answer(world: &World, tool: &str, arguments: &Value) -> Answer {
    let params = json!({"name": tool, "arguments": arguments});
    let answer = world.send(&stateless(world, "tools/call", params)).await;
    answer.assert_ok(arguments);
    assert_eq!(answer.json()["id"], "a-1");
    answer
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

/// All times of an answer.
fn times(result: &Value) -> Vec<Value> {
    let days = result["structuredContent"]["days"].as_array().unwrap().iter();
    days.flat_map(|day| day["times"].as_array().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_each_generation_are_served() {
    let world = world().await;
    for gateway in Gateway::BOTH {
        let initialize = message("initialize", &json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
        let answer = world.send_through(gateway, &world.request().post(initialize)).await;
        answer.assert_ok(gateway);
        assert_eq!(answer.json()["result"]["protocolVersion"], "2025-06-18");
        assert_eq!(answer.header("mcp-session-id"), None);
        let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let answer = world.send_through(gateway, &world.request().post(initialized)).await;
        assert_eq!((answer.status, &*answer.body, answer.header("content-type")), (202, "", None));
        let list = world.request().header("MCP-Protocol-Version", "2025-06-18");
        let answer = world.send_through(gateway, &list.post(message("tools/list", &json!({})))).await;
        assert_eq!(answer.json()["result"]["tools"].as_array().unwrap().len(), 3);

        let discover = world.send_through(gateway, &stateless(&world, "server/discover", json!({}))).await;
        assert_eq!(discover.json()["result"]["supportedVersions"][0], VERSION);
        let listed = world.send_through(gateway, &stateless(&world, "tools/list", json!({}))).await;
        assert_eq!(listed.json()["result"]["cacheScope"], "public");
    }
    assert_eq!(world.calendly_paths(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_messages_are_json_rpc_errors() {
    let world = world().await;
    for (request, status, code) in [
        (world.request().post("{"), 400, -32_700),
        (world.request().post(message("prompts/list", &json!({}))), 200, -32_601),
        (stateless(&world, "prompts/list", json!({})), 404, -32_601),
        (stateless(&world, "tools/list", json!({})).without_header("Mcp-Method"), 400, -32_020),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &request).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &json!(code)));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let line = world.log_line(&answer.request_id).await;
            assert!(line["code"].is_string() && line["reason"].is_string(), "{line}");
        }
    }
    assert_eq!(world.calendly_paths(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_refused_before_the_message_get_a_problem() {
    let world = Setup::new(Binary::Mcp).with("MCP_ALLOWED_ORIGINS", "https://app.example.com").start().await;
    let ping = || world.request().post(message("ping", &json!({})));
    let at_limit = |extra: usize| {
        let frame = message("ping", &json!({"x": ""})).len();
        message("ping", &json!({"x": "x".repeat(64 * 1024 - frame + extra)}))
    };
    for (request, status, code) in [
        (world.request(), 405, "method_not_allowed"),
        (world.request().method("HEAD").without_header("authorization"), 405, "method_not_allowed"),
        (ping().header("Origin", "https://evil.example"), 403, "origin_not_allowed"),
        (ping().without_header("authorization").header("Origin", "null"), 403, "origin_not_allowed"),
        (ping().without_header("authorization"), 401, "token_missing"),
        (world.request().post(at_limit(1)).without_header("authorization"), 401, "token_missing"),
        (world.request().post(at_limit(1)), 413, "message_too_large"),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &request).await;
            answer.assert_error(status, code, gateway);
            assert_eq!(answer.header("allow"), (status == 405).then_some("POST"));
        }
    }
    for request in
        [ping(), ping().header("Origin", "https://app.example.com"), world.request().post(at_limit(0))]
    {
        world.send(&request).await.assert_ok("accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_and_metadata_name_the_issuer() {
    let world = Setup::new(Binary::Mcp).with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    const DOMAIN: &str = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
    for (gateway, prefix, base) in
        [(Gateway::HttpApi, "", ""), (Gateway::HttpApi, "/v1", "/v1"), (Gateway::RestApi, "", "/prod")]
    {
        let url = format!("{DOMAIN}{base}{METADATA}");
        let request = Request::get(format!("{prefix}/calendly/mcp")).post("{}");
        let missing = world.send_through(gateway, &request).await;
        missing.assert_error(401, "token_missing", gateway);
        assert_eq!(
            missing.header("www-authenticate"),
            Some(&*format!(r#"Bearer realm="calendly", resource_metadata="{url}", scope="calendly:read""#))
        );
        let claims = json_object(json!({"scope": "other"}));
        let other_scope = world.sandbox.mint(Mint { claims, ..Mint::default() });
        let refused = world.send_through(gateway, &request.bearer(&other_scope)).await;
        refused.assert_error(403, "insufficient_scope", gateway);
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
        assert!(challenge.contains(&format!(r#"resource_metadata="{url}""#)), "{challenge}");
        assert_eq!(challenge.matches("scope=").count(), 1, "{challenge}");

        let metadata = world.send_through(gateway, &Request::get(format!("{prefix}{METADATA}"))).await;
        metadata.assert_ok(gateway);
        assert_eq!(
            metadata.json(),
            json!({
                "resource": format!("{DOMAIN}{base}/calendly/mcp"),
                "authorization_servers": [format!("{}/issuer", world.sandbox.base_url())],
                "scopes_supported": ["calendly:read"],
                "bearer_methods_supported": ["header"],
            })
        );
        let posted = world.send_through(gateway, &Request::get(METADATA).post("{}")).await;
        posted.assert_error(405, "method_not_allowed", gateway);
        assert_eq!(posted.header("allow"), Some("GET"));
    }
    let function =
        world.start_environment(Binary::Mcp, &[("MCP_PUBLIC_URL", "https://api.example.com/base/")]).await;
    let event = Request::get(METADATA).through(Gateway::HttpApi);
    let answer = Answer::from_outcome(function.invoke(Invocation::new(&event)).await);
    assert_eq!(answer.json()["resource"], "https://api.example.com/base/calendly/mcp");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_absent_with_a_shared_secret() {
    let world = Setup::new(Binary::Mcp)
        .with("JWT_ISSUER", "")
        .with("JWT_SECRET_ID", "jwt")
        .other_secret("jwt", &"s".repeat(32))
        .start()
        .await;
    let answer = world.send(&Request::get("/calendly/mcp").post("{}")).await;
    answer.assert_error(401, "token_missing", "no token");
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="calendly""#));
    world.send(&Request::get(METADATA)).await.assert_error(404, "not_found", "metadata");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_user_and_list_event_types() {
    let world = Setup::new(Binary::Mcp).with("INCLUDE_SECRET_EVENT_TYPES", "false").start().await;
    let me: Value = serde_json::from_str(&world.calendly_text(ME, &[]).await).unwrap();
    let user = &me["resource"]["uri"];
    let result = call(&world, "get_user", &json!({})).await;
    assert_eq!(result["structuredContent"], json!({"uri": user}));
    assert_eq!(text(&result), result["structuredContent"].to_string());

    let result = call(&world, "list_event_types", &json!({})).await;
    let listed = result["structuredContent"]["event_types"].as_array().unwrap().iter();
    let query =
        [("user", user.as_str().unwrap()), ("count", "100"), ("active", "true"), ("sort", "name:asc")];
    let rows = raw_collection(&world.calendly_text(EVENT_TYPES, &query).await);
    let rows = rows.iter().map(|row| serde_json::from_str::<Value>(row).unwrap());
    let is_bookable = |row: &Value| row["booking_method"] == "instant" && row["deleted_at"].is_null();
    let (secret, public): (Vec<_>, Vec<_>) = rows.filter(is_bookable).partition(|row| row["secret"] == true);
    assert!(!secret.is_empty(), "the sandbox has secret event types");
    assert_eq!(
        listed.map(|row| &row["uri"]).collect::<Vec<_>>(),
        public.iter().map(|row| &row["uri"]).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tool_and_http_route_have_the_same_times() {
    let world = world().await;
    let (start, end) = (day(3).to_string(), day(9).to_string());
    let arguments = json!({"start": start, "end": end, "timezone": "America/New_York", "max_times": 100});
    let result = call(&world, "check_availability", &arguments).await;
    let function = world.start_environment(Binary::CheckAvailability, &[]).await;
    let request = Request::get(Binary::CheckAvailability.path()).bearer(&world.sandbox.token()).query(&[
        ("start_time", &*start),
        ("end_time", &*end),
        ("timezone", "America/New_York"),
        ("limit", "100"),
    ]);
    let invocation = Invocation::new(&request.through(Gateway::HttpApi));
    let slots = Answer::from_outcome(function.invoke(invocation).await).json()["collection"].clone();
    let expected = slots.as_array().unwrap().iter().map(|slot| {
        let [start, end] = ["local_start_time", "local_end_time"].map(|name| slot[name].as_str().unwrap());
        json!({"start": start[11..16], "end": end[11..16], "start_time": start,
               "booking_url": slot["scheduling_url"]})
    });
    assert_eq!(times(&result), expected.collect::<Vec<_>>());
    for day in result["structuredContent"]["days"].as_array().unwrap() {
        let date: chrono::NaiveDate = day["date"].as_str().unwrap().parse().unwrap();
        assert_eq!(day["weekday"], date.format("%A").to_string());
        let is_of_day = |time: &Value| time["start_time"].as_str().unwrap().starts_with(&date.to_string());
        assert!(day["times"].as_array().unwrap().iter().all(is_of_day), "{day}");
    }
    let day = &result["structuredContent"]["days"][0];
    let [weekday, date, start] = [&day["weekday"], &day["date"], &day["times"][0]["start"]];
    let line = text(&result).lines().next().unwrap().replace('"', "");
    assert!(line.ends_with(" (America/New_York)"), "{line}");
    let expected = format!("{weekday} {date}: {start}").replace('"', "");
    assert!(line.starts_with(&expected), "{line}");
    assert_eq!(text(&result).matches(": https://calendly.com/").count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn max_times_counts_only_available_times() {
    let world = world().await;
    let slot = |hour: u32, status: &str| {
        json!({"start_time": format!("{}T{hour:02}:00:00Z", day(3)), "status": status,
               "scheduling_url": format!("https://calendly.com/x/{hour}"), "invitees_remaining": 1})
    };
    let body = json!({"collection": [
        slot(9, "unavailable"), slot(10, "available"), slot(11, "unavailable"), slot(12, "available"),
        slot(13, "unavailable"), slot(14, "available"), slot(15, "unavailable"),
    ]});
    for (max_times, starts, more) in
        [(2, &["10:00", "12:00"][..], true), (3, &["10:00", "12:00", "14:00"], false)]
    {
        world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&body));
        let arguments = json!({"start": day(3), "end": day(3), "max_times": max_times});
        let result = call(&world, "check_availability", &arguments).await;
        let found: Vec<Value> = times(&result).iter().map(|time| time["start"].clone()).collect();
        assert_eq!(
            (found, &result["structuredContent"]["more"]),
            (starts.iter().map(|it| json!(it)).collect(), &json!(more))
        );
        assert_eq!(text(&result).lines().count(), 1 + starts.len(), "a day and its links");
    }
    world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": [slot(9, "unavailable")]})));
    let result = call(&world, "check_availability", &json!({"start": day(3), "end": day(3)})).await;
    assert_eq!(
        result["structuredContent"],
        json!({"timezone": "UTC", "available": false, "days": [], "more": false})
    );
    assert!(text(&result).starts_with("No time is available from "), "{}", text(&result));
    assert!(text(&result).contains(&format!("{} 00:00", day(3))), "{}", text(&result));
}

#[tokio::test(flavor = "multi_thread")]
async fn local_times_in_the_year_10000_are_left_out() {
    let world = world().await;
    let slots = ["23:30", "10:00"]
        .map(|time| json!({"start_time": format!("9999-12-31T{time}:00Z"), "status": "available"}));
    let arguments = json!({"start": "9999-12-31T00:00:00Z", "timezone": "Asia/Tokyo"});
    for (slots, starts) in [(&slots[..], &["19:00"][..]), (&slots[..1], &[])] {
        world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": slots})));
        let result = call(&world, "check_availability", &arguments).await;
        let found: Vec<Value> = times(&result).iter().map(|time| time["start"].clone()).collect();
        assert_eq!(found, starts, "{result}");
        assert_eq!(result["structuredContent"]["available"], !starts.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_has_its_time_or_the_next_three() {
    let world = world().await;
    let range = json!({"start": day(3), "timezone": "Europe/Madrid", "max_times": 1});
    let free = times(&call(&world, "check_availability", &range).await)[0]["start_time"].clone();
    let result = call(&world, "check_availability", &json!({"at": free, "timezone": "Europe/Madrid"})).await;
    assert_eq!(result["structuredContent"]["available"], true);
    assert_eq!((times(&result).len(), &times(&result)[0]["start_time"]), (1, &free));

    // Every event type that is available at that moment.
    let slugs = ["intro-call", "demo", "mentoring", "support-call", "kick-off"];
    let several = json!({"event_types": slugs, "start": day(3), "match": "all"});
    let common = times(&call(&world, "check_availability", &several).await)[0]["start_time"].clone();
    let at = json!({"event_types": slugs, "at": common, "max_times": 1});
    let result = call(&world, "check_availability", &at).await;
    assert_eq!((times(&result).len(), &result["structuredContent"]["more"]), (5, &json!(false)));

    let taken = format!("{}T03:00", day(3));
    let result = call(&world, "check_availability", &json!({"at": taken, "timezone": "Europe/Madrid"})).await;
    assert_eq!(result["structuredContent"]["available"], false);
    assert_eq!(times(&result).len(), 3);
    assert!(text(&result).contains("03:00 (Europe/Madrid) is not available. The next available times:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_event_types() {
    let world = world().await;
    let uris = ["intro-call", "mentoring"].map(|slug| world.event_type_uri(slug));
    let mut arguments = json!({"event_types": uris, "start": day(3), "max_times": 30});
    let any = call(&world, "check_availability", &arguments).await;
    assert!(times(&any).iter().all(|time| uris.iter().any(|uri| time["event_type"] == **uri)));
    arguments["match"] = json!("all");
    let all = call(&world, "check_availability", &arguments).await;
    assert!(!times(&all).is_empty());
    for time in times(&all) {
        let urls = time["booking_urls"].as_object().unwrap();
        assert!(uris.iter().all(|uri| urls[uri].is_string()) && urls.len() == 2, "{time}");
        assert!(time.get("booking_url").is_none() && time.get("event_type").is_none());
        assert_eq!(time.get("end"), None, "the lengths differ");
    }
    assert!(!text(&all).contains("https://"));
    arguments["duration_minutes"] = json!(30);
    for time in times(&call(&world, "check_availability", &arguments).await) {
        let start: DateTime<Utc> = time["start_time"].as_str().unwrap().parse().unwrap();
        assert_eq!(time["end"], (start + TimeDelta::minutes(30)).format("%H:%M").to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_tool_errors_with_details() {
    let world = world().await;
    let arguments = json!({"start": "next Tuesday"});
    let answer = call_answer(&world, "check_availability", &arguments).await;
    let result = call(&world, "check_availability", &arguments).await;
    let problem = &result["structuredContent"];
    assert_eq!(result["isError"], true);
    assert_eq!((&problem["code"], &problem["parameter"]), (&json!("invalid_parameter"), &json!("start")));
    assert_eq!(text(&result), problem["detail"]);
    let line = world.log_line(&answer.request_id).await;
    assert_eq!((&line["status"], &line["code"]), (&json!(200), &json!("invalid_parameter")));
    assert_eq!(
        (&line["mcp_method"], &line["mcp_tool"]),
        (&json!("tools/call"), &json!("check_availability"))
    );
    assert!(!line.to_string().contains("Tuesday"), "{line}");
    let slug = call(&world, "check_availability", &json!({"event_types": ["no-such-slug"]})).await;
    assert_eq!(slug["structuredContent"]["code"], "no_event_type");
    assert!(text(&slug).ends_with("list_event_types lists them."), "{}", text(&slug));
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_exceeded_is_a_tool_error() {
    let world = world().await;
    world.sandbox.fault(EVENT_TYPES, 10, Fault::Hang);
    let request = stateless(&world, "tools/call", json!({"name": "list_event_types"}));
    let (answer, left) = world.send_within(&request, Duration::from_secs(2)).await;
    answer.assert_ok("deadline");
    assert_eq!(answer.json()["result"]["structuredContent"]["code"], "deadline_exceeded");
    assert!(!left.is_zero(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_availability_has_its_age() {
    let world = Setup::new(Binary::Mcp).with("AVAILABILITY_CACHE_SECONDS", "60").start().await;
    let arguments = json!({"event_types": ["intro-call"], "start": day(3), "max_times": 2});
    let first = call(&world, "check_availability", &arguments).await;
    let calls = world.calls_of(AVAILABLE_TIMES).len();
    let answer = call_answer(&world, "check_availability", &arguments).await;
    assert_eq!(world.calls_of(AVAILABLE_TIMES).len(), calls);
    assert!(answer.header("age").is_some());
    let structured = answer.json()["result"]["structuredContent"].clone();
    assert_eq!(structured["days"], first["structuredContent"]["days"]);
    assert!(structured["as_of"].is_string());
}
