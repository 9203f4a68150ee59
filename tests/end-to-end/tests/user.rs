//! `GET /calendly/user` (docs/contract.md, section 1.1).

use end_to_end::{Binary, Gateway, ME, Setup};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_the_uri_of_the_user() {
    let world = Setup::new(Binary::User).start().await;
    let me: Value = serde_json::from_str(&world.calendly_text(ME, &[]).await).unwrap();
    for gateway in Gateway::BOTH {
        let answer = world.send_through(gateway, &world.request()).await;
        answer.assert_ok(gateway);
        assert_eq!(answer.json(), json!({"uri": me["resource"]["uri"]}));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}
