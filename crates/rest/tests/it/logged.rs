//! A refused request is found in the log by the id that its client has, and the log repeats none of its words.

use std::time::{Duration, Instant};

use actix_web::test::TestRequest;

use crate::api::{World, ask, json_post};
use crate::observation::Observation;

/// Makes a request that is refused.
type Ask = fn() -> TestRequest;

#[actix_web::test]
async fn the_id_of_a_refusal_leads_to_one_line_that_tells_nothing_of_the_client() {
    let world = World::new();
    let refused: [(Ask, &str); 4] = [
        (|| TestRequest::get().uri("/word-of-the-client"), "not-found"),
        (|| TestRequest::delete().uri("/things?word-of-the-client"), "method-not-allowed"),
        (|| json_post("/echo", "{\"word-of-the-client\": 1}"), "invalid-request"),
        (|| json_post("/echo", "word-of-the-client"), "malformed-body"),
    ];
    for (request, slug) in refused {
        let lines = lines_of_refusal(&world, request, slug).await;
        assert_eq!(lines.len(), 1, "{slug}: {lines:?}");
        assert!(lines[0].contains(" INFO ") && lines[0].contains(slug), "{}", lines[0]);
    }
    let log = Observation::install().log();
    assert!(!log.contains("word-of-the-client"), "{log}");
}

/// The lines with the id of the refusal. All tests of this binary share the bound on lines in a second, so a refusal
/// without a line is asked for again in the next second.
async fn lines_of_refusal(world: &World, request: Ask, slug: &str) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let problem = ask(world, request()).await.problem(slug);
        let lines = Observation::install().lines_with(&[problem["request_id"].as_str().unwrap()]);
        if !lines.is_empty() {
            return lines;
        }
    }
    Vec::new()
}
