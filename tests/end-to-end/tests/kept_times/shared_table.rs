//! What environments share through a table, and that whatever happens to the table makes no error.

use std::time::Duration;

use chrono::Utc;
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, Function, Gateway, Invocation, Relay, Request, Setup, Trouble, World,
    day, until,
};
use futures_util::future::join_all;
use sandbox::{Account, DEFAULT_PAT, Fault};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    LONG, ME, good, lone_table, patiently, request, send, setup, some_days, with_table, without_as_of,
    world_and_table,
};

const LIST: &str = "/event_types";

#[tokio::test(flavor = "multi_thread")]
async fn environments_and_functions_share_what_they_learn() {
    patiently(async || {
        let (world, table, _alone) = world_and_table(LONG).await;
        let (start, end) = (day(2).to_string(), day(5).to_string());
        let request =
            world.request().query(&[("event_type", "demo"), ("start_time", &*start), ("end_time", &*end)]);
        let first = send(&world.function, &request).await;
        let line = world.end_line(&first.request_id).await;
        assert_eq!((first.status, &line["cache"]["availability"]), (200, &json!(false)), "{line}");
        assert_eq!(world.calendly_paths(), [ME, LIST, AVAILABLE_TIMES]);
        world.sandbox.forget_calls();
        let other = world.another(Binary::CheckAvailability, &[]).await;
        let answer = send(&other, &request).await;
        assert!(answer.json() == first.json(), "as of the same moment, too: {}", answer.json()["as_of"]);
        let line = other.log_of(&answer.request_id).await.pop().unwrap();
        assert_eq!(line["AvailabilityFromTable"].as_f64(), Some(1.0), "{line}");
        assert_eq!(
            line["cache"],
            json!({"availability": true, "event_type": true, "keys": true, "pat": true})
        );
        let user = world.another(Binary::User, &[]).await;
        assert_eq!(
            send(&user, &Request::get("/calendly/user").bearer(&world.sandbox.token())).await.status,
            200
        );
        assert_eq!(world.calendly_paths(), Vec::<String>::new());
        let event_types = world.another(Binary::UserEventTypes, &[]).await;
        let request = Request::get("/calendly/user-event-types").bearer(&world.sandbox.token());
        assert_eq!(send(&event_types, &request).await.status, 200);
        assert_eq!(world.calendly_paths(), [LIST], "one round trip");
        assert_eq!(table.items().await.len(), 3);
        let used = ["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"];
        assert!(table.operations().iter().all(|operation| used.contains(&&**operation)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_alone_shares_users_and_choices_and_no_availability() {
    patiently(async || {
        let (world, table, _alone) = world_and_table("0").await;
        let (start, end) = (day(2).to_string(), day(5).to_string());
        let request = world.request().query(&[("start_time", &*start), ("end_time", &*end)]);
        assert_eq!(good(&world.function, &request).await.get("as_of"), None);
        world.sandbox.forget_calls();
        let other = world.another(Binary::CheckAvailability, &[]).await;
        good(&other, &request).await;
        assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES]);
        assert_eq!(table.items().await.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_asks_and_the_others_wait() {
    patiently(async || {
        let (world, table, _alone) = world_and_table(LONG).await;
        let many = [("AWS_LAMBDA_MAX_CONCURRENCY", "8")];
        let mut functions = Vec::new();
        for _ in 0..3 {
            let function = world.another(Binary::CheckAvailability, &many).await;
            function.wait_for_polls(8).await;
            functions.push(function);
        }
        world.sandbox.forget_calls();
        world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Delay { milliseconds: 400 });
        let request = some_days(&world);
        let asked = functions.iter().flat_map(|function| (0..8).map(move |_| function));
        let answers = join_all(asked.map(|function| good(function, &request))).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "all are one answer");
        assert_eq!(world.calendly_calls().len(), 1);
        let leases = table.operations().iter().filter(|operation| *operation == "UpdateItem").count();
        assert!(leases <= 3, "one environment, one flight: {leases}");
        let of_others = |line: &Value| line.get("AvailabilityFromOthers").is_some();
        let waited = || functions.iter().flat_map(Function::log).filter(of_others).count();
        until("the lines of those who waited", || (waited() == 3 * 7).then_some(())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_vain_keeps_nobody_waiting() {
    patiently(async || {
        let (world, table, _alone) = world_and_table(LONG).await;
        world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(400));
        let request = some_days(&world);
        assert_eq!(world.send(&request).await.status, 400);
        assert!(table.items().await.iter().all(|item| item.get("lease").is_none()));
        let other = world.another(Binary::CheckAvailability, &[]).await;
        let answer = send(&other, &request).await;
        let line = other.log_of(&answer.request_id).await.pop().unwrap();
        assert_eq!((answer.status, line.get("SharedCacheWait")), (200, None), "{line}");
    })
    .await;
}

/// Whoever asks Calendly dies; the others do not wait for long, nor for more than half of the time that they have.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_in_vain_asks() {
    patiently(async || {
        for (has, waits_for) in [(5_000, 500.0..=1_500.0), (1_200, 200.0..=600.0)] {
            let (world, _table, _alone) = world_and_table(LONG).await;
            let other = world.another(Binary::CheckAvailability, &[]).await;
            world.sandbox.forget_calls();
            world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Hang);
            let event = some_days(&world).through(Gateway::HttpApi);
            let dies = async {
                // It never answers.
                let _ = tokio::time::timeout(
                    Duration::from_millis(500),
                    world.function.invoke(Invocation::new(&event)),
                )
                .await;
                world.function.kill().await;
            };
            let waits = async {
                until("the call", || (!world.calendly_calls().is_empty()).then_some(())).await;
                let invocation = Invocation::new(&event).within(Duration::from_millis(has));
                let answer = Answer::of(other.invoke(invocation).await);
                assert_eq!(answer.status, 200, "{}", answer.body);
                other.log_of(&answer.request_id).await.pop().unwrap()
            };
            let ((), line) = tokio::join!(dies, waits);
            let waited = line["SharedCacheWait"].as_f64().unwrap();
            assert!(waits_for.contains(&waited), "{line}");
            let others = line["duration_ms"].as_f64().unwrap() - waited;
            assert!((0.0..=400.0).contains(&others), "{line}");
            assert_eq!(world.calendly_calls().len(), 2);
        }
    })
    .await;
}

/// A request has a tenth of a second for all its calls of the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_came_too_late_has_not_failed() {
    patiently(async || {
        let (world, table, _alone) = world_and_table(LONG).await;
        good(&world.function, &some_days(&world)).await;
        table.forget();
        table.trouble(Trouble::Slow(Duration::from_millis(72)));
        let answer = world.send(&request_of_later(&world)).await;
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(table.operations(), ["GetItem", "UpdateItem"], "the second one is not waited for");
        assert_eq!((answer.status, line.get("SharedCacheFailures")), (200, None), "{line}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_fails_costs_little_and_soon_nothing() {
    patiently(async || {
        for trouble in [
            Trouble::Down,
            Trouble::Denied,
            Trouble::Throttled,
            Trouble::Gone,
            Trouble::Nonsense,
            Trouble::Slow(Duration::from_secs(2)),
            Trouble::Hang,
        ] {
            let (world, table, _alone) = world_and_table(LONG).await;
            let request = some_days(&world);
            good(&world.function, &request).await;
            table.trouble(trouble);
            table.forget();
            // One that has nothing kept yet, and is warm otherwise.
            let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "mentoring").unwrap();
            let other = |days: u64| {
                let (start, end) = (day(days).to_string(), day(days + 1).to_string());
                world.request().query(&[("event_type", &*uri), ("start_time", &*start), ("end_time", &*end)])
            };
            let answer = world.send(&other(2)).await;
            assert_eq!(answer.status, 200, "{trouble:?}: {}", answer.body);
            let line = world.end_line(&answer.request_id).await;
            assert_eq!(line["SharedCacheFailures"].as_f64(), Some(1.0), "{trouble:?}: {line}");
            assert!(line["duration_ms"].as_f64().unwrap() < 600.0, "{trouble:?}: {line}");
            let tried = table.operations().len();
            assert_eq!(tried, 1, "{trouble:?}");
            for days in [40, 80] {
                assert_eq!(world.send(&other(days)).await.status, 200, "{trouble:?}");
            }
            assert_eq!(table.operations().len(), tried, "{trouble:?}: it is not asked for a while");
            let log = world.function.raw_output();
            assert!(log.contains("the table of CACHE_TABLE was of no help"), "{trouble:?}: {log}");
            // It is asked again soon.
            table.trouble(Trouble::None);
            sleep(Duration::from_millis(1_050)).await;
            table.wake().await;
            assert_eq!(world.send(&other(120)).await.status, 200);
            assert_eq!(&table.operations()[tried..], ["GetItem", "UpdateItem", "PutItem"], "{trouble:?}");
        }
    })
    .await;
}

/// Where each caller has a PAT of their own, init needs nothing from the table.
#[tokio::test(flavor = "multi_thread")]
async fn init_opens_a_connection_to_the_table_and_the_first_request_uses_it() {
    patiently(async || {
        let (table, _alone) = lone_table().await;
        let relay = Relay::to(&table.endpoint).await;
        let setup = with_table(Setup::of(Binary::User), &table)
            .with("AWS_ENDPOINT_URL_DYNAMODB", &relay.url)
            .with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
        let world = setup.start().await;
        assert_eq!((relay.opened(), table.operations().len()), (1, 0));
        world.secrets.store(&format!("{}/robin", world.secret_id), DEFAULT_PAT).await;
        table.wake().await;
        let answer = world.send(&world.request_with_claims(json!({"sub": "robin"}))).await;
        assert_eq!((answer.status, relay.opened()), (200, 1), "{}", answer.body);
        assert_eq!(table.operations(), ["GetItem", "PutItem"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn init_recalls_the_user_if_the_secret_does_not_name_it() {
    patiently(async || {
        let (table, _alone) = lone_table().await;
        let world = with_table(Setup::of(Binary::User), &table).start().await;
        let request = world.request();
        let answer = good(&world.function, &request).await;
        table.forget();
        let other = world.another(Binary::User, &[]).await;
        assert_eq!(table.operations(), ["GetItem"], "init's");
        good(&other, &request).await;
        assert_eq!(table.operations(), ["GetItem"], "the request needs none");
        assert_eq!(world.calendly_paths(), [ME]);
        let secret = json!({"pat": DEFAULT_PAT, "user": answer["uri"]}).to_string();
        world.secrets.store(&world.secret_id, &secret).await;
        table.forget();
        let other = world.another(Binary::User, &[]).await;
        good(&other, &request).await;
        assert_eq!(table.operations(), Vec::<String>::new(), "the secret says it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_takes_the_user_from_the_table_unless_it_would_soon_be_too_old() {
    patiently(async || {
        let (table, _alone) = lone_table().await;
        let setup = with_table(Setup::of(Binary::User), &table).with("PAT_CACHE_SECONDS", "6");
        let world = setup.start().await;
        let was_at_hand = async |function: &Function| {
            let outcome = function.invoke(Invocation::new(&json!({"warmer": true}))).await;
            function.log_of(&outcome.request_id).await.pop().unwrap()["cache"]["user"].clone()
        };
        // Its init finds nothing in the table.
        let other = world.another(Binary::User, &[]).await;
        assert_eq!(was_at_hand(&world.function).await, false);
        assert_eq!(was_at_hand(&other).await, true);
        assert_eq!(world.calendly_paths(), [ME]);
        // Past half of its life.
        sleep(Duration::from_millis(3_050)).await;
        table.wake().await;
        let late = world.another(Binary::User, &[]).await;
        assert_eq!(was_at_hand(&late).await, false);
        assert_eq!(world.calendly_paths(), [ME, ME]);
    })
    .await;
}

/// Init is no place to fail either.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_no_reason_not_to_start() {
    let setup =
        setup(LONG).with("CACHE_TABLE", "none").with("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9");
    let world = setup.start().await;
    assert_eq!(world.send(&some_days(&world)).await.status, 200);
    let warm = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(warm["warm"], true, "{warm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_in_the_table_is_not_believed_and_is_replaced() {
    patiently(async || {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let (world, table, _alone) = world_and_table(LONG).await;
        let request = some_days(&world);
        let first = without_as_of(good(&world.function, &request).await);
        let items = table.items().await;
        assert_eq!(items.len(), 1);
        let item = &items[0];
        let bytes = BASE64_STANDARD.decode(item["value"]["B"].as_str().unwrap()).unwrap();
        let mut damaged = bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        // Older than it is.
        let mut moved_back = bytes.clone();
        moved_back[5] ^= 1;
        // Of another window.
        let later = request_of_later(&world);
        good(&world.function, &later).await;
        let another = table.items().await.into_iter().find(|other| other["pk"] != item["pk"]).unwrap();
        let binary = |bytes: &[u8]| json!({"B": BASE64_STANDARD.encode(bytes)});
        for (what, value) in [
            ("damaged", binary(&damaged)),
            ("moved back in time", binary(&moved_back)),
            ("another's", another["value"].clone()),
            ("cut", binary(&bytes[..20])),
            ("empty", binary(b"-")),
            ("a text", json!({"S": "what"})),
            ("a number", json!({"N": "5"})),
        ] {
            let mut spoilt = item.clone();
            spoilt["value"] = value;
            table.put(&spoilt).await;
            world.sandbox.forget_calls();
            let other = world.another(Binary::CheckAvailability, &[]).await;
            assert!(without_as_of(good(&other, &request).await) == first, "{what}");
            assert_eq!(world.calendly_calls().len(), 1, "{what}");
            let replaced = table.items().await.into_iter().find(|other| other["pk"] == item["pk"]).unwrap();
            assert_ne!(replaced["value"], spoilt["value"], "{what}");
            assert_eq!(replaced.get("lease"), None, "{what}");
        }
        // Nor is a lease that nobody of ours can hold.
        for lease in [json!({"N": "99999999999999"}), json!({"S": "mine"}), json!({"N": "5"})] {
            table.put(&json!({"pk": item["pk"], "lease": lease, "expires": {"N": "1"}})).await;
            let other = world.another(Binary::CheckAvailability, &[]).await;
            let answer = send(&other, &request).await;
            let line = other.log_of(&answer.request_id).await.pop().unwrap();
            assert_eq!((answer.status, line.get("SharedCacheWait")), (200, None), "{lease}: {line}");
        }
    })
    .await;
}

fn request_of_later(world: &World) -> Request {
    request(world, &day(100).to_string(), &day(101).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_nothing_of_who_and_with_what() {
    patiently(async || {
        let (table, _alone) = lone_table().await;
        let setup = with_table(setup(LONG), &table).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
        let world = setup.start().await;
        world.sandbox.add_account(Account::new("pat-of-another").of_user("Another"));
        for (caller, pat) in [("robin", DEFAULT_PAT), ("another", "pat-of-another"), ("shares", DEFAULT_PAT)]
        {
            world.secrets.store(&format!("{}/{caller}", world.secret_id), pat).await;
        }
        let (start, end) = (day(2).to_string(), day(5).to_string());
        let query = [("event_type", "mentoring"), ("start_time", &*start), ("end_time", &*end)];
        let mut answers = Vec::new();
        for (caller, calls) in [("robin", 3), ("another", 3), ("shares", 0)] {
            world.sandbox.forget_calls();
            let answer = world.send(&world.request_with_claims(json!({"sub": caller})).query(&query)).await;
            assert_eq!(
                (answer.status, world.calendly_calls().len()),
                (200, calls),
                "{caller}: {}",
                answer.body
            );
            answers.push(answer.json());
        }
        assert_ne!(answers[0]["event_type"], answers[1]["event_type"]);
        assert!(answers[0] == answers[2], "another caller with the same PAT");
        let items = table.items().await;
        assert_eq!(items.len(), 6);
        for item in &items {
            let members: Vec<_> = item.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["expires", "pk", "value"]);
            let expires: i64 = item["expires"]["N"].as_str().unwrap().parse().unwrap();
            assert!((0..=400).contains(&(expires - Utc::now().timestamp())), "{item}");
            let text = item.to_string();
            for secret in
                ["robin", "another", "mentoring", DEFAULT_PAT, "pat-of-another", &*world.sandbox.token()]
            {
                assert!(!text.contains(secret), "{secret}: {text}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_an_item_is_not_shared() {
    patiently(async || {
        let (world, table, _alone) = world_and_table(LONG).await;
        let mut number = 1_u64;
        let noise: String = std::iter::repeat_with(|| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from((number >> 33) % 26).unwrap())
        })
        .take(1_000_000)
        .collect();
        let slot =
            json!({"status": "available", "start_time": format!("{}T10:00:00Z", day(3)), "noise": noise});
        let body = json!({"collection": [slot]}).to_string();
        world.sandbox.fault(
            AVAILABLE_TIMES,
            1,
            Fault::Body { content_type: "application/json".to_owned(), body },
        );
        let request = some_days(&world);
        let answer = good(&world.function, &request).await;
        assert_eq!(answer["collection"].as_array().unwrap().len(), 1);
        assert!(
            table.items().await.iter().all(|item| item.get("value").is_none() && item.get("lease").is_none())
        );
        assert!(good(&world.function, &request).await == answer, "it is kept here");
        assert_eq!(world.calendly_calls().len(), 1);
    })
    .await;
}
