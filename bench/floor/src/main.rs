//! The lower bound of a function's cost: `lambda_http`, built as the functions are, with a handler that does nothing.
//!
//! `ANSWER_BYTES` sets the length of its answer.

use lambda_http::{Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let answer = match std::env::var("ANSWER_BYTES") {
        Ok(bytes) => "x".repeat(bytes.parse()?),
        Err(_) => String::new(),
    };
    run(service_fn(|_: Request| async { Ok::<_, Error>(Response::new(answer.clone())) })).await
}
