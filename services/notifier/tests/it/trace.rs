//! One trace id leads from a request to the call to Telegram.

use std::sync::{Arc, Mutex, OnceLock};

use kernel::OrderId;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use testkit::eventually;
use tracing_subscriber::layer::SubscriberExt;

use crate::stage::{PATIENCE, Stage, confirmed, placed};

/// Keeps every span of this process.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Installed once for all tests of this binary, because a subscriber is the process's.
fn spans() -> &'static Kept {
    static KEPT: OnceLock<(Kept, SdkTracerProvider)> = OnceLock::new();
    let (kept, _provider) = KEPT.get_or_init(|| {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        (kept, provider)
    });
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_of_a_combined_message_has_a_span_in_the_trace_of_its_event() {
    let kept = spans();
    let stage = Stage::new().await;
    let trace = |number: u32| format!("{number:032x}");
    let order = OrderId::new();
    let mut records = [stage.record(1, &placed(order)), stage.record(2, &confirmed(order))];
    for (number, record) in (0xa0_u32..).zip(&mut records) {
        let context = format!("00-{}-00000000000000b1-01", trace(number));
        record.headers.push(("traceparent".to_owned(), context.into_bytes()));
    }
    // Both are there before the sender is, so that one message tells both.
    let wake = notifier::processes::Wake::default();
    let consumer = stage.consumer(&wake).await;
    stage.scene.send(&records).await;
    eventually(PATIENCE, async || stage.count("pending").await == 2).await;
    let sender = stage.sender(&wake);
    stage.told(2).await;
    assert_eq!(stage.telegram.messages().len(), 1);

    for number in [0xa0, 0xa1] {
        let found = eventually(PATIENCE, async || {
            let spans = kept.0.lock().unwrap();
            let of_trace: Vec<SpanData> = spans
                .iter()
                .filter(|span| span.span_context.trace_id().to_string() == trace(number))
                .cloned()
                .collect();
            of_trace.iter().any(|span| span.name == "telegram sendMessage").then_some(of_trace)
        })
        .await;
        // Parent links lead from the call back to the span that the event came from.
        let call = found.iter().find(|span| span.name == "telegram sendMessage").unwrap();
        let mut parent = call.parent_span_id;
        let mut steps = 0;
        while parent.to_string() != "00000000000000b1" {
            let next = found.iter().find(|span| span.span_context.span_id() == parent);
            parent = next.unwrap_or_else(|| panic!("{parent} is not in the trace")).parent_span_id;
            steps += 1;
            assert!(steps < 10);
        }
    }
    consumer.stop(PATIENCE).await;
    sender.stop().await;
}
