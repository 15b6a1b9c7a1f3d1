//! The spans around an attempt to send: one for each delivery of the message.
//! The rule: each span is a child of its delivery's event, so that the trace of an order leads to the call even when the
//! message told of many orders.

use std::future::Future;

use mediator::continue_from;
use tracing::{Instrument, Span};

use crate::domain::{Batch, Message, Outcome};

/// The spans of one message.
pub(super) struct Spans(Vec<Span>);

impl Spans {
    /// Opens the spans. The call runs inside the first; the others are linked to it.
    pub(super) fn open(batch: &Batch, message: &Message) -> Self {
        let (together, name) = (batch.deliveries.len(), batch.operation());
        let mut spans: Vec<Span> = Vec::with_capacity(together);
        for delivery in &batch.deliveries {
            let span = tracing::info_span!(
                parent: None,
                "sending",
                otel.name = name,
                otel.kind = "client",
                otel.status_code = tracing::field::Empty,
                organisation = %delivery.organisation,
                delivery = %delivery.id,
                fact = delivery.fact.kind().as_str(),
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

    /// Records the outcome and ends the spans.
    pub(super) fn close(self, outcome: &Outcome) {
        for span in &self.0 {
            span.record("outcome", outcome.as_str());
            if !matches!(outcome, Outcome::Sent { .. }) {
                span.record("otel.status_code", "ERROR");
            }
        }
    }
}
