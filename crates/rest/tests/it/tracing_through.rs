//! A request continues the trace that it came with, and its cause is logged once.

use actix_web::test::TestRequest;
use opentelemetry_sdk::trace::SpanData;

use crate::api::{World, ask};
use crate::observation::Observation;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[actix_web::test]
async fn a_request_continues_its_trace_and_a_cause_is_logged_once() {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let world = World::new();
    let good = ask(&world, TestRequest::get().uri("/things/3").insert_header(("traceparent", parent.clone()))).await;
    assert_eq!(good.status, 200);
    let bad = ask(&world, TestRequest::get().uri("/breaks").insert_header(("traceparent", parent))).await;
    let bad = bad.problem("internal");
    assert_eq!(bad["trace_id"], TRACE);
    let panicked = ask(&world, TestRequest::get().uri("/panics")).await;
    let panicked = panicked.problem("internal");
    let own = panicked["trace_id"].as_str().unwrap();
    assert!(own.len() == 32 && own != TRACE);

    let observation = Observation::install();
    let spans = observation.spans();
    let of_trace = |span: &SpanData| span.span_context.trace_id().to_string() == TRACE;
    let span = |name: &str| {
        spans
            .iter()
            .find(|span| span.name == name && of_trace(span))
            .unwrap_or_else(|| panic!("no span {name} among {spans:?}"))
    };
    let read = span("GET /things/{thing}");
    assert_eq!(read.span_context.trace_id().to_string(), TRACE);
    assert_eq!(read.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert_eq!(good.header("traceparent"), format!("00-{TRACE}-{}-01", read.span_context.span_id()));
    let attribute = |span: &SpanData, name: &str| {
        span.attributes.iter().find(|pair| pair.key.as_str() == name).map(|pair| pair.value.to_string())
    };
    assert_eq!(attribute(read, "http.route").as_deref(), Some("/things/{thing}"));
    assert_eq!(attribute(read, "http.request.method").as_deref(), Some("GET"));
    assert_eq!(attribute(read, "http.response.status_code").as_deref(), Some("200"));
    assert!(matches!(span("GET /breaks").status, opentelemetry::trace::Status::Error { .. }));

    let logged = |answer: &serde_json::Value, cause: &str| {
        let id = answer["request_id"].as_str().unwrap().to_owned();
        observation.lines_with(&[&id, cause])
    };
    assert_eq!(logged(&bad, "hunter2").len(), 1, "{}", observation.log());
    assert_eq!(logged(&panicked, "secret of the house").len(), 1, "{}", observation.log());
}
