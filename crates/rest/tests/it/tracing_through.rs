//! A request continues the trace that it came with, and its cause is logged once.

use std::sync::{Arc, Mutex};

use actix_web::test::TestRequest;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::api::{World, ask};

#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Keeps the messages of errors and warnings.
#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Messages {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() <= tracing::Level::WARN {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[actix_web::test]
async fn a_request_continues_its_trace_and_a_cause_is_logged_once() {
    let (spans, messages) = (Spans::default(), Messages::default());
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")))
        .with(messages.clone());
    let _guard = tracing::subscriber::set_default(subscriber);

    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let world = World::new();
    let good = ask(&world, TestRequest::get().uri("/things/3").insert_header(("traceparent", parent.clone()))).await;
    assert_eq!(good.status, 200);
    let bad = ask(&world, TestRequest::get().uri("/breaks").insert_header(("traceparent", parent))).await;
    assert_eq!(bad.problem("internal")["trace_id"], TRACE);
    let panicked = ask(&world, TestRequest::get().uri("/panics")).await;
    let own = panicked.problem("internal")["trace_id"].as_str().unwrap().to_owned();
    assert!(own.len() == 32 && own != TRACE);

    let spans = spans.0.lock().unwrap();
    let span = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name} among {spans:?}"))
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

    let messages = messages.0.lock().unwrap();
    let logged = |part: &str| messages.iter().filter(|message| message.contains(part)).count();
    assert_eq!(logged("hunter2"), 1, "{messages:?}");
    assert_eq!(logged("secret of the house"), 1, "{messages:?}");
}
