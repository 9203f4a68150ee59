//! `GET /calendly/user` (docs/contract.md, section 1.1).

use end_to_end::{Binary, Gateway, Setup};
use sandbox::DEFAULT_PAT;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_the_uri_of_the_user() {
    let world = Setup::new(Binary::User).start().await;
    for gateway in Gateway::BOTH {
        let answer = world.send_through(gateway, &world.request()).await;
        answer.assert_ok(gateway);
        assert_eq!(answer.json(), json!({"uri": world.sandbox.user_uri(DEFAULT_PAT)}));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}
