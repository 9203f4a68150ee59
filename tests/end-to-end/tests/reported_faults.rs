//! Faults that users of similar programs reported: one case of each shows that the fix is wired (docs/contract.md,
//! sections 1.3, 3, 4 and 8).

use std::time::{Duration, Instant};

use chrono::{SubsecRound, TimeDelta, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, ME, Request, Setup, World, day, json_fault, midnight,
    raw_collection, time, utc,
};
use futures_util::future::join_all;
use sandbox::{
    Account, Algorithm, Catalogue, Config, DEFAULT_PAT, Fault, KeyChoice, KeySetChange, Mint, Sandbox,
};
use serde_json::{Value, json};

const JWKS: &str = "/issuer/jwks";
const ALWAYS: u32 = 1_000_000;

/// Starts a world of three pages of event types.
async fn world_with_pages(binary: Binary) -> World {
    let account = Account::new(DEFAULT_PAT).with_catalogue(Catalogue::Sample { generated: 240 });
    Setup::new(binary).sandbox(|sandbox| sandbox.pats = vec![account]).start().await
}

/// Requests the times of an event type three days from now.
async fn times_of(world: &World, event_type: &str, more: &[(&str, &str)]) -> Answer {
    let (start, end) = (utc(midnight(2)), utc(midnight(5)));
    let query = [("start_time", &*start), ("end_time", &*end), ("event_type", event_type)];
    world.get(&[&query[..], more].concat()).await
}

/// The minutes from the start of each slot to its local end; `None` without a local end.
fn minutes(answer: &Answer) -> Vec<Option<i64>> {
    let answer = answer.json();
    let slots = answer["collection"].as_array().unwrap();
    assert!(!slots.is_empty(), "{answer}");
    let minutes = |slot: &Value| {
        slot.get("local_end_time").map(|end| (time(end) - time(&slot["start_time"])).num_minutes())
    };
    let mut minutes: Vec<_> = slots.iter().map(minutes).collect();
    minutes.dedup();
    minutes
}

/// Stops the function and returns all of its output.
async fn output_of(world: &World) -> String {
    world.function.kill().await;
    world.function.raw_output()
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_outside_the_range_and_duplicates_are_dropped() {
    for seconds in ["0", "60"] {
        let setup = Setup::new(Binary::CheckAvailability).with("AVAILABILITY_CACHE_SECONDS", seconds);
        let world = setup.start().await;
        let uri = world.event_type_uri("intro-call");
        let (start, end) = (utc(midnight(2)), utc(midnight(9)));
        let query = [("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)];
        let get = async |more: &[(&str, &str)]| {
            let request = world.request().query(&[&query[..], more].concat());
            world.send(&request.header("cache-control", "no-cache")).await.raw_collection()
        };
        let expected = get(&[]).await;
        assert!(expected.len() > 10, "{expected:?}");
        for fault in [Fault::SlotsOutsideRange { minutes: 30 }, Fault::DuplicateSlots] {
            world.sandbox.fault(AVAILABLE_TIMES, 2, fault.clone());
            assert_eq!(get(&[]).await, expected, "{fault:?}, {seconds} s");
            assert_eq!(get(&[("limit", "1")]).await, expected[..1], "{fault:?}, {seconds} s");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn midnight_after_a_bare_end_date_belongs_to_the_next_day() {
    let day = day(3);
    // In Tokyo: 00:00 and 23:30 of that day, and 00:00 of the next.
    let starts = [
        format!("{}T15:00:00Z", day - TimeDelta::days(1)),
        format!("{day}T14:30:00Z"),
        format!("{day}T15:00:00Z"),
    ];
    let slots = starts.clone().map(|start| json!({"status": "available", "start_time": start}));
    let (bare, midnight) = (day.to_string(), format!("{}T00:00", day + TimeDelta::days(1)));
    for seconds in ["0", "60"] {
        let setup = Setup::new(Binary::CheckAvailability).with("AVAILABILITY_CACHE_SECONDS", seconds);
        let world = setup.start().await;
        world.sandbox.fault(AVAILABLE_TIMES, ALWAYS, json_fault(&json!({"collection": slots})));
        let uri = world.event_type_uri("demo");
        for (end, count) in [(&bare, 2), (&midnight, 3)] {
            let query = [
                ("start_time", &*bare),
                ("end_time", end),
                ("timezone", "Asia/Tokyo"),
                ("event_type", &*uri),
            ];
            let answer = world.get(&query).await.json();
            let found: Vec<_> =
                answer["collection"].as_array().unwrap().iter().map(|slot| &slot["start_time"]).collect();
            assert_eq!(found, starts[..count].iter().collect::<Vec<_>>(), "{end}, {seconds} s");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn event_types_are_found_by_old_id_and_booking_link_and_not_by_a_shared_slug() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let me: Value = serde_json::from_str(&world.calendly_text(ME, &[]).await).unwrap();
    let user = me["resource"]["uri"].as_str().unwrap();
    let list = world.calendly_text(EVENT_TYPES, &[("user", user), ("count", "100")]).await;
    let rows: Vec<Value> =
        raw_collection(&list).iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    let of_slug = |slug: &str| rows.iter().filter(|row| row["slug"] == slug).cloned().collect::<Vec<Value>>();

    let walk_in = of_slug("walk-in")[0]["uri"].as_str().unwrap().to_owned();
    let id = walk_in.rsplit('/').next().unwrap();
    assert_eq!(id.len(), 16, "{id}");
    world.sandbox.forget_calls();
    let answer = times_of(&world, id, &[]).await;
    assert_eq!((answer.status, &answer.json()["event_type"]), (200, &json!(walk_in)), "{}", answer.body);
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES], "an id needs no list");

    let studio_visits = of_slug("studio-visit");
    assert_eq!(studio_visits.len(), 2);
    let shared = times_of(&world, "studio-visit", &[]).await;
    shared.assert_error(400, "invalid_parameter", "a shared slug");
    assert_eq!(shared.json()["parameter"], "event_type");
    for row in &studio_visits {
        assert!(shared.detail().contains(row["uri"].as_str().unwrap()), "{}", shared.detail());
        let link = row["scheduling_url"].as_str().unwrap();
        let decorated = format!("{}/?month=2026-12", link.replacen("https://", "https://www.", 1));
        for link in [link, &decorated] {
            let answer = times_of(&world, link, &[]).await;
            assert_eq!((answer.status, &answer.json()["event_type"]), (200, &row["uri"]), "{link}");
        }
    }
    let unknown = times_of(&world, "https://calendly.com/no-such-owner/studio-visit", &[]).await;
    unknown.assert_error(404, "no_event_type", "the slug is of other owners");
    let short = times_of(&world, "https://calendly.com/studio-visit", &[]).await;
    short.assert_error(400, "invalid_parameter", "an owner's page");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_with_a_next_page_but_no_token_is_not_the_last() {
    for binary in [Binary::UserEventTypes, Binary::CheckAvailability] {
        let world = world_with_pages(binary).await;
        world.sandbox.fault(EVENT_TYPES, 1, Fault::NoNextPageToken);
        let answer = match binary {
            Binary::CheckAvailability => times_of(&world, "workshop", &[]).await,
            _ => world.get(&[]).await,
        };
        answer.assert_error(502, "calendly_invalid_response", binary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_page_token_restarts_the_list_once() {
    let world = world_with_pages(Binary::UserEventTypes).await;
    let whole = world.get(&[]).await.raw_items();
    let pages = whole.len().div_ceil(100);
    assert!(pages >= 3);
    // The second page is refused, or the third, after a page that is read twice.
    for good in [0, 2] {
        world.sandbox.clear_faults();
        world.sandbox.forget_calls();
        if good > 0 {
            world.sandbox.fault(EVENT_TYPES, good, Fault::Delay { milliseconds: 1 });
        }
        world.sandbox.fault(EVENT_TYPES, 1, Fault::StalePageToken);
        let answer = world.get(&[]).await;
        answer.assert_ok(good);
        assert_eq!(answer.raw_items(), whole, "each event type once");
        let read_twice = 1.max(good as usize);
        assert_eq!(world.calls_of(EVENT_TYPES).len(), pages + read_twice + 1);
    }
    world.sandbox.forget_calls();
    world.sandbox.fault(EVENT_TYPES, ALWAYS, Fault::StalePageToken);
    world.get(&[]).await.assert_error(400, "calendly_error", "refused again");
    assert_eq!(world.calls_of(EVENT_TYPES).len(), 4);
    world.sandbox.clear_faults();
    world.sandbox.forget_calls();
    world.sandbox.fault(EVENT_TYPES, 1, Fault::status(400));
    world.get(&[]).await.assert_error(400, "calendly_error", "the first page has no token");
    assert_eq!(world.calls_of(EVENT_TYPES).len(), 1);

    // Slugs on the first page, which is read twice, and on the last.
    let world = world_with_pages(Binary::CheckAvailability).await;
    for slug in ["catch-up", "workshop"] {
        world.sandbox.forget_calls();
        world.sandbox.fault(EVENT_TYPES, 1, Fault::StalePageToken);
        let answer = times_of(&world, slug, &[]).await;
        answer.assert_ok(slug);
        assert_eq!(answer.json()["event_type"], world.event_type_uri(slug));
        let statuses: Vec<_> = world.calls_of(EVENT_TYPES).iter().filter_map(|call| call.status).collect();
        assert_eq!(statuses[..3], [200, 400, 200], "{slug}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn local_ends_are_of_the_requested_duration_or_of_the_event_type() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let uri = world.event_type_uri("strategy-session");
    let look_up = uri.strip_prefix("https://api.calendly.com").unwrap();
    let zone = ("timezone", "Europe/Lisbon");
    // Without a duration, the local end is omitted; that is no error.
    world.sandbox.fault(look_up, 1, Fault::status(403));
    assert_eq!(minutes(&times_of(&world, &uri, &[zone]).await), [None]);
    world.sandbox.fault(look_up, 1, Fault::Hang);
    let began = Instant::now();
    assert_eq!(minutes(&times_of(&world, &uri, &[zone]).await), [None]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(minutes(&times_of(&world, &uri, &[zone]).await), [None]);
    assert_eq!(world.calls_of(look_up).len(), 2, "look-ups back off after two failures");

    let world = Setup::new(Binary::CheckAvailability).start().await;
    let uri = world.event_type_uri("strategy-session");
    let look_up = uri.strip_prefix("https://api.calendly.com").unwrap();
    for (event_type, duration, expected) in [
        ("strategy-session", Some("60"), 60),
        ("strategy-session", Some("15"), 15),
        ("strategy-session", None, 30),
        (&*uri, None, 30),
        (&*uri, Some("60"), 60),
    ] {
        let more: Vec<_> = [zone].into_iter().chain(duration.map(|it| ("duration", it))).collect();
        let answer = times_of(&world, event_type, &more).await;
        assert_eq!(minutes(&answer), [Some(expected)], "{event_type} {duration:?}");
    }
    assert_eq!(world.calls_of(look_up).len(), 2, "one for local ends, one for the check of `duration`");
    world.sandbox.forget_calls();
    times_of(&world, &world.event_type_uri("demo"), &[]).await.assert_ok("without a time zone");
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_far_from_now_and_zones_with_a_space() {
    for seconds in ["0", "60"] {
        let setup = Setup::new(Binary::CheckAvailability).with("AVAILABILITY_CACHE_SECONDS", seconds);
        let world = setup.start().await;
        let query = [
            ("start_time", "9999-12-20T10:00:00Z"),
            ("end_time", "9999-12-31T12:00:00Z"),
            ("event_type", "demo"),
        ];
        world.get(&query).await.assert_ok(seconds);
    }
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let began = Utc::now().trunc_subsecs(0);
    let past =
        [&[("start_time", "2020-01-01"), ("end_time", "2020-01-02")][..], &[("at", "2020-01-01T00:00Z")]];
    for query in past {
        let answer = world.get(query).await;
        answer.assert_error(400, "invalid_parameter", query);
        let detail = answer.detail();
        let (_, now) = detail.split_once("it is now ").unwrap_or_else(|| panic!("{detail}"));
        let (now, _) = now.split_once(')').unwrap();
        assert!((began..=Utc::now()).contains(&time(&json!(now))), "{detail}");
    }
    let query =
        format!("start_time={}T09:00&end_time={}T17:00&event_type=demo&timezone=Etc/GMT+5", day(2), day(4));
    let answer = world.send(&world.request().raw_query(&query)).await;
    answer.assert_ok(&query);
    assert_eq!(answer.json()["start_time"], format!("{}T14:00:00Z", day(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn coded_responses_are_invalid() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Gzip);
    let answer = times_of(&world, &world.event_type_uri("demo"), &[]).await;
    answer.assert_error(502, "calendly_invalid_response", "");
    let line = world.log_line(&answer.request_id).await;
    assert!(line["reason"].as_str().unwrap().contains("Content-Encoding"), "{line}");
    // An error with a content coding has no members to pass on.
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (fault, title) in [(None, true), (Some(Fault::Gzip), false)] {
        if let Some(fault) = fault {
            world.sandbox.fault(AVAILABLE_TIMES, 1, fault);
        }
        let answer = times_of(&world, unknown, &[]).await;
        answer.assert_error(404, "calendly_error", unknown);
        assert_eq!(answer.json()["calendly"].get("title").is_some(), title, "{}", answer.body);
    }

    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault(JWKS, ALWAYS, Fault::Gzip);
    let world = Setup::new(Binary::User).start_with(sandbox).await;
    world.get(&[]).await.assert_error(503, "keys_unavailable", "a gzipped key set");
    let log = output_of(&world).await;
    assert!(log.contains("Content-Encoding"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_key_sets_verify_good_tokens_only() {
    let changes = [
        KeySetChange::ListedTwice,
        KeySetChange::SharedKidGoodFirst,
        KeySetChange::SharedKidGoodLast,
        KeySetChange::Ed25519Alg,
        KeySetChange::Padded,
    ];
    join_all(changes.map(async |change| {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        sandbox.fault(JWKS, ALWAYS, Fault::KeySet { change });
        let world = Setup::new(Binary::User).start_with(sandbox).await;
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ed25519] {
            let token = |key| world.request_with(Mint { algorithm, key, ..Mint::default() });
            world.send(&token(KeyChoice::Published)).await.assert_ok((change, algorithm));
            let forged = world.send(&token(KeyChoice::Forged)).await;
            forged.assert_error(401, "token_invalid", (change, algorithm));
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_issuer_is_accepted_with_the_url_of_its_keys() {
    let issuer = "http://adfs.example/adfs/services/trust";
    let setup = Setup::new(Binary::User).with("JWT_ISSUER", issuer);
    let world = setup.with("JWT_JWKS_URL", "{sandbox}/issuer/jwks").start().await;
    world.send(&world.request_with_claims(json!({"iss": issuer}))).await.assert_ok("");
    world.get(&[]).await.assert_error(401, "token_invalid", "the sandbox's own issuer");
    let paths: Vec<_> = world.sandbox.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, [JWKS, ME], "no discovery");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_secrets_are_explained_in_the_log() {
    for secret in [format!("\"{DEFAULT_PAT}\""), format!("'{DEFAULT_PAT}'\n")] {
        let world = Setup::new(Binary::User).secret(Some(&secret)).start().await;
        let answer = world.get(&[]).await;
        answer.assert_error(400, "pat_missing", &secret);
        assert_eq!(world.calendly_paths(), Vec::<String>::new());
        let line = world.log_line(&answer.request_id).await;
        assert!(line["reason"].as_str().unwrap().contains("in quotes"), "{line}");
        let log = output_of(&world).await;
        assert!(!log.contains(DEFAULT_PAT), "{log}");
    }

    let world = Setup::new(Binary::User).start().await;
    let request = Request::get("/calendly/user").bearer(&format!("\"{}\"", world.sandbox.token()));
    let answer = world.send(&request).await;
    answer.assert_error(401, "token_invalid", "a token in quotes");
    let line = world.log_line(&answer.request_id).await;
    assert!(line["reason"].as_str().unwrap().contains("in quotes"), "{line}");

    let secret = "a secret of at least 32 bytes, as RFC 7518 asks";
    for (stored, hint) in
        [(format!("{secret}\n"), "white space"), (json!({"secret": secret}).to_string(), "JSON")]
    {
        let setup = Setup::new(Binary::User).without("JWT_ISSUER").with("JWT_SECRET_ID", "{secret}/jwt");
        let world = setup.other_secret("jwt", &stored).start().await;
        let mint = |secret: &str| {
            let secret = secret.to_owned();
            world.request_with(Mint { algorithm: Algorithm::Hs256, secret, ..Mint::default() })
        };
        world.send(&mint(&stored)).await.assert_ok("byte for byte");
        world.send(&mint(secret)).await.assert_error(401, "token_invalid", hint);
        let log = output_of(&world).await;
        assert!(log.contains("JWT_SECRET_ID") && log.contains(hint) && !log.contains(secret), "{log}");
    }
}
