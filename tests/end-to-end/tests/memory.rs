//! Memory of oversized answers (docs/contract.md, section 8). The long tests have all sizes.

use std::time::Duration;

use end_to_end::{
    AVAILABLE_TIMES, Binary, EVENT_TYPES, SMALLEST_MEMORY, Setup, body_fault, large_page, large_window,
};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn oversized_answers_are_refused_in_bounded_memory() {
    for (binary, path) in
        [(Binary::UserEventTypes, EVENT_TYPES), (Binary::CheckAvailability, AVAILABLE_TIMES)]
    {
        let world = Setup::new(binary).start().await;
        for number in 0..12 {
            let body = match binary {
                Binary::UserEventTypes => large_page(15 * MIB, Some(&format!("page-{number}"))),
                _ => large_window(15 * MIB, number, 10_000),
            };
            world.sandbox.fault(path, 1, body_fault("application/json; charset=utf-8", body));
        }
        let request = world.request().days(2, 366).event_type(&world.event_type_uri("demo"));
        let request = request.header("accept-encoding", "gzip");
        let (answer, _) = world.send_within(&request, Duration::from_secs(60)).await;
        answer.assert_error(500, "answer_too_large", binary);
        let peak = world.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{binary:?}: {} MiB", peak / 1024 / 1024);
        world.sandbox.clear_faults();
        world.send(&request).await.assert_ok(binary);
    }
}
