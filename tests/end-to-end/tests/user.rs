//! `GET /calendly/user` (docs/contract.md, section 1.1).

use end_to_end::{Binary, Gateway, Request, Setup};
use sandbox::DEFAULT_PAT;
use serde_json::json;

/// The gateway has routed the request already, so the path does not matter.
#[tokio::test(flavor = "multi_thread")]
async fn answer_is_the_uri_of_the_user() {
    let world = Setup::new(Binary::User).start().await;
    for (gateway, path) in [(Gateway::HttpApi, "/base/of/a/domain"), (Gateway::RestApi, "/calendly/user")] {
        let request = Request::get(path).bearer(&world.sandbox.token());
        let answer = world.send_through(gateway, &request).await;
        answer.assert_ok(gateway);
        assert_eq!(answer.json(), json!({"uri": world.sandbox.user_uri(DEFAULT_PAT)}));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}
