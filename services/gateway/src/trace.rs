//! The gateway's span of a request, and the ids that go on to the service: `x-request-id` and `traceparent`.
//!
//! The rule it keeps: a service's span is a child of the gateway's; a request that is not sampled costs no span but
//! still carries a trace id.

use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::headers::Text;
use crate::routes::Service;

/// One request's place in its trace.
#[derive(Debug)]
pub struct Trace {
    span: Span,
    parent: Text,
}

impl Trace {
    /// Starts the span. `sampled` of all requests that bring no decision of their own (0 to 1) get one.
    #[must_use]
    pub fn start(headers: &HeaderMap, method: &Method, path: &str, service: Service, sampled: f64) -> Trace {
        let outside = headers
            .get("traceparent")
            .and_then(|value| value.to_str().ok())
            .and_then(rest::trace::parse);
        let records = match &outside {
            Some(outside) => outside.is_sampled(),
            None => sampled >= 1.0 || rand::random::<f64>() < sampled,
        };
        let mut own = None;
        let span = if records {
            let span = tracing::info_span!(
                target: "gateway",
                "gateway request",
                otel.name = tracing::field::Empty,
                otel.kind = "server",
                http.request.method = method.as_str(),
                url.path = path,
                peer.service = service.name(),
                http.response.status_code = tracing::field::Empty,
            );
            if !span.is_disabled() {
                let mut name = Text::default();
                name.write(format_args!("{method} {service}"));
                span.record("otel.name", name.as_str());
                if let Some(outside) = &outside {
                    // It fails only where no telemetry layer is installed; then there is nothing to continue.
                    let _ = span.set_parent(Context::new().with_remote_span_context(outside.clone()));
                }
                own = Some(span.context().span().span_context().clone()).filter(SpanContext::is_valid);
            }
            span
        } else {
            Span::none()
        };
        let context = own.unwrap_or_else(|| {
            let trace = outside.map_or_else(
                || TraceId::from_bytes(rand::random::<u128>().max(1).to_be_bytes()),
                |outside| outside.trace_id(),
            );
            let id = SpanId::from_bytes(rand::random::<u64>().max(1).to_be_bytes());
            SpanContext::new(trace, id, TraceFlags::NOT_SAMPLED, false, TraceState::NONE)
        });
        let mut parent = Text::default();
        parent.write(format_args!(
            "00-{}-{}-{:02x}",
            context.trace_id(),
            context.span_id(),
            context.trace_flags().to_u8() & 1
        ));
        Trace { span, parent }
    }

    /// The `traceparent` that the service gets.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        self.parent.as_str()
    }

    /// The span, for what happens within it.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Ends it with the reply's status.
    pub fn answered(&self, status: StatusCode) {
        if !self.span.is_none() {
            self.span.record("http.response.status_code", i64::from(status.as_u16()));
            if status.is_server_error() {
                self.span.set_status(Status::error(status.as_str().to_owned()));
            }
        }
    }
}
