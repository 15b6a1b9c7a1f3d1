//! One span per delivery around the call, each a child of the event that it tells of: whoever follows an order's trace
//! finds the call to Telegram, also when one message told of many.

use std::future::Future;

use mediator::continue_from;
use tracing::{Instrument, Span};

use super::claim::Batch;
use crate::domain::{Message, Outcome};

/// The spans of one message.
pub(super) struct Spans(Vec<Span>);

impl Spans {
    /// Opens them. The call itself runs inside the first; the others are linked to it.
    pub(super) fn open(batch: &Batch, message: &Message) -> Self {
        let together = batch.deliveries.len();
        let mut spans: Vec<Span> = Vec::with_capacity(together);
        for delivery in &batch.deliveries {
            let span = tracing::info_span!(
                parent: None,
                "telegram",
                otel.name = "telegram sendMessage",
                otel.kind = "client",
                otel.status_code = tracing::field::Empty,
                organisation = %delivery.organisation,
                delivery = %delivery.id,
                fact = delivery.fact.kind().name(),
                together,
                digest = message.digest,
                outcome = tracing::field::Empty,
            );
            if let Some(traceparent) = &delivery.traceparent {
                continue_from(&span, traceparent);
            }
            if let Some(first) = spans.first() {
                span.follows_from(first);
            }
            spans.push(span);
        }
        Self(spans)
    }

    /// Runs the call inside the first span.
    pub(super) async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        call.instrument(self.0.first().cloned().unwrap_or_else(Span::none)).await
    }

    /// Says how it went; dropping the spans ends them.
    pub(super) fn close(self, outcome: &Outcome) {
        for span in &self.0 {
            span.record("outcome", outcome.name());
            if !matches!(outcome, Outcome::Sent { .. }) {
                span.record("otel.status_code", "ERROR");
            }
        }
    }
}
