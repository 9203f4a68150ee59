//! `POST /calendly/mcp` (docs/contract.md, section 11).

use std::collections::BTreeMap;

use end_to_end::{
    AVAILABLE_TIMES, Answer, AwsFault, Binary, EVENT_TYPES, Gateway, Invocation, ME, Request, Setup, World,
    day, json_fault, json_object, status_fault,
};
use jsonschema::Validator;
use sandbox::{Catalogue, Mint};
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
    let validators = output_schemas(world).await;
    let structured = &result["structuredContent"];
    let errors: Vec<String> =
        validators[tool].iter_errors(structured).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{structured}: {errors:?}");
    result
}

async fn call_answer(world: &World, tool: &str, arguments: &Value) -> Answer {
    let params = json!({"name": tool, "arguments": arguments});
    let answer = world.send(&stateless(world, "tools/call", params)).await;
    answer.assert_ok(arguments);
    assert_eq!(answer.json()["id"], "a-1");
    answer
}

async fn output_schemas(world: &World) -> BTreeMap<String, Validator> {
    let answer = world.send(&stateless(world, "tools/list", json!({}))).await;
    let listed = answer.json()["result"]["tools"].clone();
    let validator = |tool: &Value| {
        let schema = jsonschema::validator_for(&tool["outputSchema"]).unwrap();
        (tool["name"].as_str().unwrap().to_owned(), schema)
    };
    listed.as_array().unwrap().iter().map(validator).collect()
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
        let again = world.send_through(gateway, &stateless(&world, "tools/list", json!({}))).await;
        assert_eq!(
            (listed.json()["result"]["cacheScope"].as_str(), listed.body),
            (Some("public"), again.body)
        );
    }
    assert_eq!(world.calendly_paths(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_messages_are_json_rpc_errors() {
    let world = world().await;
    for (request, status, code) in [
        (world.request().post("{"), 400, -32_700),
        (world.request().post("[]"), 400, -32_600),
        (world.request().post(""), 400, -32_700),
        (world.request().post(message("tools/call", &json!({"name": "book"}))), 200, -32_602),
        (world.request().post(message("prompts/list", &json!({}))), 200, -32_601),
        (stateless(&world, "prompts/list", json!({})), 404, -32_601),
        (stateless(&world, "tools/list", json!({})).without_header("Mcp-Method"), 400, -32_020),
        (
            world.request().header("MCP-Protocol-Version", "2024-11-05").post(message("ping", &json!({}))),
            400,
            -32_022,
        ),
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
async fn what_fails_before_the_message_is_a_problem() {
    let world = Setup::new(Binary::Mcp).with("MCP_ALLOWED_ORIGINS", "https://app.example.com").start().await;
    let ping = || world.request().post(message("ping", &json!({})));
    let at_limit = |extra: usize| {
        let frame = message("ping", &json!({"x": ""})).len();
        message("ping", &json!({"x": "x".repeat(64 * 1024 - frame + extra)}))
    };
    for (request, status, code) in [
        (world.request(), 405, "method_not_allowed"),
        (world.request().method("DELETE"), 405, "method_not_allowed"),
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
        let other_scope =
            world.sandbox.mint(Mint { claims: json_object(json!({"scope": "other"})), ..Mint::default() });
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
async fn a_shared_secret_has_no_server_to_name() {
    let world = Setup::new(Binary::Mcp)
        .without("JWT_ISSUER")
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
    let result = call(&world, "get_user", &json!({})).await;
    assert_eq!(result["structuredContent"], json!({"uri": me["resource"]["uri"]}));
    assert_eq!(text(&result), result["structuredContent"].to_string());

    let result = call(&world, "list_event_types", &json!({})).await;
    let listed = result["structuredContent"]["event_types"].as_array().unwrap().clone();
    let function = world.start_environment(Binary::UserEventTypes, &[]).await;
    let event = Request::get("/calendly/user-event-types").bearer(&world.sandbox.token());
    let all = Answer::from_outcome(function.invoke(Invocation::new(&event.through(Gateway::HttpApi))).await);
    let is_bookable = |event_type: &&Value| {
        event_type["active"] == true
            && event_type["deleted_at"].is_null()
            && event_type["booking_method"] == "instant"
            && event_type["secret"] == false
    };
    let all = all.json();
    let expected: Vec<&Value> = all.as_array().unwrap().iter().filter(is_bookable).collect();
    assert!(listed.len() == expected.len() && listed.len() < all.as_array().unwrap().len());
    for (listed, event_type) in listed.iter().zip(expected) {
        for (member, name) in [
            ("uri", "uri"),
            ("name", "name"),
            ("slug", "slug"),
            ("duration_minutes", "duration"),
            ("scheduling_url", "scheduling_url"),
        ] {
            assert_eq!(listed[member], event_type[name], "{event_type}");
        }
    }
}

/// The answer of check-availability to the same question.
async fn http_answer(world: &World, query: &[(&str, &str)]) -> Value {
    let function = world.start_environment(Binary::CheckAvailability, &[]).await;
    let request = Request::get("/calendly/check-availability").bearer(&world.sandbox.token()).query(query);
    let event = request.through(Gateway::HttpApi);
    Answer::from_outcome(function.invoke(Invocation::new(&event)).await).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_times_are_those_of_check_availability() {
    let world = world().await;
    let (start, end) = (day(3).to_string(), day(9).to_string());
    let arguments = json!({"start": start, "end": end, "timezone": "America/New_York", "max_times": 100});
    let result = call(&world, "check_availability", &arguments).await;
    let query =
        [("start_time", &*start), ("end_time", &*end), ("timezone", "America/New_York"), ("limit", "100")];
    let expected = http_answer(&world, &query).await;
    let structured = &result["structuredContent"];
    assert_eq!(
        (&structured["timezone"], &structured["available"]),
        (&json!("America/New_York"), &json!(true))
    );
    let times = times(&result);
    let slots = expected["collection"].as_array().unwrap();
    assert_eq!(times.len(), slots.len());
    for (time, slot) in times.iter().zip(slots) {
        assert_eq!(time["start_time"], slot["local_start_time"]);
        assert_eq!(time["booking_url"], slot["scheduling_url"]);
        assert_eq!(time["start"], slot["local_start_time"].as_str().unwrap()[11..16]);
        assert_eq!(time["end"], slot["local_end_time"].as_str().unwrap()[11..16]);
        assert!(time.get("event_type").is_none());
    }
    for day in structured["days"].as_array().unwrap() {
        let date: chrono::NaiveDate = day["date"].as_str().unwrap().parse().unwrap();
        assert_eq!(day["weekday"], date.format("%A").to_string());
        let is_of_day = |time: &Value| time["start_time"].as_str().unwrap().starts_with(&date.to_string());
        assert!(day["times"].as_array().unwrap().iter().all(is_of_day), "{day}");
    }
    let lines: Vec<&str> = text(&result).lines().collect();
    let first = &structured["days"][0];
    let start_of_first = format!(
        "{} {}: {}",
        first["weekday"].as_str().unwrap(),
        first["date"].as_str().unwrap(),
        first["times"][0]["start"].as_str().unwrap()
    );
    assert!(
        lines[0].starts_with(&start_of_first) && lines[0].ends_with(" (America/New_York)"),
        "{}",
        lines[0]
    );
    let links = lines.iter().filter(|line| line.contains(": https://calendly.com/")).count();
    assert_eq!(links, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn max_times_counts_available_times_and_more_says_whether_there_are_others() {
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
        [(1, &["10:00"][..], true), (2, &["10:00", "12:00"], true), (3, &["10:00", "12:00", "14:00"], false)]
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
async fn one_moment_and_the_next_times() {
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
    let result = call(&world, "check_availability", &json!({"event_types": slugs, "at": common})).await;
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
    }
    assert!(!text(&all).contains("https://"));
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_results_that_a_model_can_act_on() {
    let world = world().await;
    for (arguments, parameter) in [
        (json!({"start": "next Tuesday"}), "start"),
        (json!({"end": "2020-01-01"}), "end"),
        (json!({"event_type": "x"}), "event_type"),
        (json!({"max_times": 0}), "max_times"),
        (json!({"duration_minutes": 7}), "duration_minutes"),
    ] {
        let answer = call_answer(&world, "check_availability", &arguments).await;
        let result = call(&world, "check_availability", &arguments).await;
        let problem = &result["structuredContent"];
        assert_eq!(result["isError"], true);
        assert_eq!(
            (&problem["code"], &problem["parameter"]),
            (&json!("invalid_parameter"), &json!(parameter))
        );
        assert_eq!(text(&result), problem["detail"]);
        assert!(text(&result).contains(parameter), "{}", text(&result));
        let line = world.log_line(&answer.request_id).await;
        assert_eq!((&line["status"], &line["code"]), (&json!(200), &json!("invalid_parameter")));
        assert_eq!(
            (&line["mcp_method"], &line["mcp_tool"]),
            (&json!("tools/call"), &json!("check_availability"))
        );
        assert!(!line.to_string().contains("Tuesday"), "{line}");
    }
    let slug = call(&world, "check_availability", &json!({"event_types": ["no-such-slug"]})).await;
    assert_eq!(slug["structuredContent"]["code"], "no_event_type");
    assert!(text(&slug).ends_with("list_event_types lists them."), "{}", text(&slug));

    world.sandbox.fault(EVENT_TYPES, 100, status_fault(404, &[], "{}"));
    let calendly = call(&world, "list_event_types", &json!({})).await;
    assert_eq!(
        (&calendly["structuredContent"]["code"], &calendly["structuredContent"]["status"]),
        (&json!("calendly_error"), &json!(404))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_pat_and_a_passed_deadline_are_results_too() {
    let world = Setup::new(Binary::Mcp).secret(None).start().await;
    let result = call(&world, "get_user", &json!({})).await;
    assert_eq!(result["structuredContent"]["code"], "pat_missing");

    let world = self::world().await;
    world.sandbox.fault(EVENT_TYPES, 10, sandbox::Fault::Delay { milliseconds: 60_000 });
    let request = stateless(&world, "tools/call", json!({"name": "list_event_types"}));
    let (answer, left) = world.send_within(&request, std::time::Duration::from_secs(2)).await;
    answer.assert_ok("deadline");
    assert_eq!(answer.json()["result"]["structuredContent"]["code"], "deadline_exceeded");
    assert!(left >= std::time::Duration::from_millis(250), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_ups_and_catalogues_without_event_types() {
    let world =
        Setup::new(Binary::Mcp).sandbox(|config| config.pats[0].catalogue = Catalogue::Empty).start().await;
    assert_eq!(world.warm_up().await["warm"], true);
    let result = call(&world, "list_event_types", &json!({})).await;
    assert_eq!(result["structuredContent"], json!({"event_types": []}));
    let result = call(&world, "check_availability", &json!({})).await;
    assert_eq!(result["structuredContent"]["code"], "no_event_type");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_calendly_are_results_and_the_next_call_works() {
    let world = Setup::new(Binary::Mcp).with("CALENDLY_MAX_RETRIES", "0").start().await;
    for (fault, status, code) in [
        (status_fault(500, &[], "oops"), 500, "calendly_error"),
        (status_fault(429, &[("Retry-After", "17")], "{}"), 429, "calendly_error"),
        (status_fault(401, &[], "{}"), 401, "calendly_error"),
        (sandbox::Fault::Close, 502, "calendly_unreachable"),
        (sandbox::Fault::Reset, 502, "calendly_unreachable"),
        (json_fault(&json!([])), 502, "calendly_invalid_response"),
        (json_fault(&json!({"collection": [5]})), 502, "calendly_invalid_response"),
    ] {
        world.sandbox.fault(AVAILABLE_TIMES, 10, fault);
        let answer = call_answer(&world, "check_availability", &json!({})).await;
        let result = answer.json()["result"].clone();
        assert_eq!(result["isError"], true, "{code}");
        let problem = &result["structuredContent"];
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)));
        assert_eq!(answer.header("retry-after"), (status == 429).then_some("17"));
        let line = world.log_line(&answer.request_id).await;
        assert_eq!((&line["status"], &line["code"]), (&json!(200), &json!(code)));
        assert!(line["reason"].is_string(), "{line}");
        world.sandbox.clear_faults();
        assert!(call(&world, "check_availability", &json!({})).await.get("isError").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_secrets_are_a_result_and_unavailable_keys_a_problem() {
    let world = Setup::new(Binary::Mcp).secrets_fault(AwsFault::InternalError).start().await;
    let result = call(&world, "get_user", &json!({})).await;
    assert_eq!(result["structuredContent"]["code"], "secrets_unavailable");

    let world = Setup::new(Binary::Mcp).with("JWT_JWKS_URL", "http://127.0.0.1:9/jwks").start().await;
    let answer = world.send(&stateless(&world, "tools/list", json!({}))).await;
    answer.assert_error(503, "keys_unavailable", "no keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_pat_is_used_when_calendly_refuses_the_cached_one() {
    let world = self::world().await;
    call(&world, "get_user", &json!({})).await;
    world.secrets.store(&world.secret_id, sandbox::KIM_PAT);
    world.sandbox.fault(EVENT_TYPES, 1, status_fault(401, &[], "{}"));
    let result = call(&world, "list_event_types", &json!({})).await;
    let first = result["structuredContent"]["event_types"][0]["scheduling_url"].as_str().unwrap();
    assert!(first.contains("kim"), "{first}");
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
