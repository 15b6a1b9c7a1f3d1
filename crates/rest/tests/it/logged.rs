//! A refused request is found in the log by the id that its client has, and the log repeats none of its words.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use actix_web::test::TestRequest;
use tracing_subscriber::filter::LevelFilter;

use crate::api::{World, ask, json_post};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn the_id_of_a_refusal_leads_to_one_line_that_tells_nothing_of_the_client() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new();
    let refused = [
        (ask(&world, TestRequest::get().uri("/word-of-the-client")).await, "not-found"),
        (ask(&world, TestRequest::delete().uri("/things")).await, "method-not-allowed"),
        (ask(&world, json_post("/echo", "{\"word-of-the-client\": 1}")).await, "invalid-request"),
        (ask(&world, json_post("/echo", "word-of-the-client")).await, "malformed-body"),
    ];
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (answer, slug) in refused {
        let problem = answer.problem(slug);
        let id = problem["request_id"].as_str().unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(id)).collect();
        assert_eq!(lines.len(), 1, "{slug}: {text}");
        assert!(lines[0].contains(" INFO ") && lines[0].contains(slug), "{}", lines[0]);
    }
    assert!(!text.contains("word-of-the-client"), "{text}");
}
