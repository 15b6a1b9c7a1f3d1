//! Trace context between spans and the text that travels (W3C Trace Context, `traceparent`).
//! The rule: nothing else reads or writes a `traceparent`, and one that is not exactly in its form is ignored.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The `traceparent` of a span, if tracing is on and the span belongs to a trace.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut written = Written(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut written);
    written.0
}

/// The id of the trace that a span belongs to, as 32 hexadecimal digits.
#[must_use]
pub fn trace_id_of(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| span.trace_id().to_string())
}

/// Makes `span` a child of the span that `traceparent` names; a malformed value changes nothing.
pub fn continue_from(span: &Span, traceparent: &str) {
    let Some(parent) = remote_span(traceparent) else { return };
    // Fails only when no tracing subscriber with OpenTelemetry is installed: then there is no trace.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// The span of another process that a `traceparent` names: version 00 in lower case, with nothing behind the flags.
#[must_use]
pub fn remote_span(traceparent: &str) -> Option<SpanContext> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Received(traceparent));
    let span = context.span().span_context().clone();
    // The propagator also accepts shorter ids, signs and later versions, so the form is compared with the standard's.
    let flags = traceparent.strip_prefix(&format!("00-{}-{}-", span.trace_id(), span.span_id()))?;
    (span.is_valid() && flags.len() == 2 && !flags.starts_with('+')).then_some(span)
}

const TRACEPARENT: &str = "traceparent";

struct Written(Option<String>);

impl Injector for Written {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

struct Received<'a>(&'a str);

impl Extractor for Received<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::remote_span;

    #[test]
    fn a_traceparent_is_read_and_a_malformed_one_is_not() {
        let good = remote_span("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!(good.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(good.span_id().to_string(), "b7ad6b7169203331");
        assert!(good.is_sampled());
        // The flag for random trace ids, which level 2 of the standard adds.
        assert!(remote_span("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03").unwrap().is_sampled());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-af7651916cd43dd8448eb211c80319c-0b7ad6b7169203331-01",
        ] {
            assert!(remote_span(bad).is_none(), "{bad} was accepted");
        }
    }
}
