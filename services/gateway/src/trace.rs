//! The gateway's span of a request, and the `traceparent` that goes on to the service.
//!
//! The rule it keeps: a service's span is a child of the gateway's; a request that is not sampled costs no span but
//! still carries a trace id. A malformed `traceparent` is ignored and begins a new trace.

use std::borrow::Cow;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode};
use tracing::Span;
use tracing::field::Empty;

use crate::headers::Text;
use crate::routes::Service;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// One request's place in its trace.
#[derive(Debug)]
pub struct Trace {
    span: Span,
    parent: Text,
}

impl Trace {
    /// Starts the span. Of the requests that come without a sampling decision, the share `sampled` (0 to 1) gets one.
    #[must_use]
    pub fn start(headers: &HeaderMap, method: &Method, path: &str, service: Service, sampled: f64) -> Trace {
        let received = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let remote = received.and_then(rest::trace::remote_span);
        let records = match &remote {
            Some(remote) => remote.is_sampled(),
            None => sampled >= 1.0 || rand::random::<f64>() < sampled,
        };
        let mut parent = Text::default();
        let mut span = Span::none();
        if records {
            span = span_of(method, path, service);
            if let Some(received) = received {
                rest::trace::continue_from(&span, received);
            }
            if let Some(own) = rest::trace::traceparent_of(&span) {
                parent.write(own);
            }
        }
        if parent.as_str().is_empty() {
            let id = rand::random::<u64>().max(1);
            match remote {
                Some(remote) => parent.write(format_args!("00-{}-{id:016x}-00", remote.trace_id())),
                None => parent.write(format_args!("00-{:032x}-{id:016x}-00", rand::random::<u128>().max(1))),
            }
        }
        Trace { span, parent }
    }

    /// The `traceparent` that the service gets.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        self.parent.as_str()
    }

    /// The span to work in.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Records the reply's status.
    pub fn answered(&self, status: StatusCode) {
        if !self.span.is_none() {
            self.span.record("http.response.status_code", i64::from(status.as_u16()));
            if status.is_server_error() {
                self.span.record("otel.status_code", "ERROR");
            }
        }
    }
}

fn span_of(method: &Method, path: &str, service: Service) -> Span {
    let mut name = Text::default();
    name.write(format_args!("{method} {service}"));
    tracing::info_span!(
        "gateway",
        otel.name = name.as_str(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method.as_str(),
        url.path = %without_secrets(path),
        peer.service = service.name(),
        http.response.status_code = Empty,
    )
}

/// The path without what looks like a token of this installation: somebody may have put one where its id belongs.
fn without_secrets(path: &str) -> Cow<'_, str> {
    if !path.contains("cs_") {
        return path.into();
    }
    let segments = path.split('/').map(|part| if part.contains("cs_") { "[redacted]" } else { part });
    segments.collect::<Vec<_>>().join("/").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_path_reaches_no_trace() {
        assert_eq!(without_secrets("/admin/v1/api-keys/cs_live_01_abc/revoke"), "/admin/v1/api-keys/[redacted]/revoke");
        assert_eq!(without_secrets("/admin/v1/products"), "/admin/v1/products");
    }

    fn passed_on(traceparent: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("traceparent"), traceparent.parse().unwrap());
        Trace::start(&headers, &Method::GET, "/", Service::Auth, 0.0).traceparent().to_owned()
    }

    #[test]
    fn a_trace_that_is_not_valid_begins_a_trace_of_its_own() {
        let forged = [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "x",
        ];
        for text in forged {
            let passed = passed_on(text);
            assert!(!passed.to_lowercase().contains("0af7651916cd43dd8448eb211c80319c"), "{text} gave {passed}");
            assert!(rest::trace::remote_span(&passed).is_some(), "{text} gave {passed}");
        }
    }
}
