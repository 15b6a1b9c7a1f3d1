//! The `traceparent` header (W3C Trace Context) on its way through a door.

pub use mediator::{continue_from, traceparent_of};

/// The header value of the current span, to send on to the next hop.
#[must_use]
pub fn current() -> Option<String> {
    traceparent_of(&tracing::Span::current())
}

/// The trace id inside a `traceparent`.
pub(crate) fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1).filter(|id| id.len() == 32)
}
