//! Log lines in Google Cloud Logging's structured form.
//! The rule: `severity`, `message` and the trace are where Cloud Logging looks for them, and an error
//! has the shape that Error Reporting groups.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value, json};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

const REPORTED_ERROR: &str = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent";

/// Formats one event as one JSON line.
#[derive(Debug)]
pub(crate) struct Structured {
    pub(crate) service: &'static str,
    pub(crate) project: Option<String>,
}

impl<S> FormatEvent<S, JsonFields> for Structured
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        // Outer spans first, so that an inner field of the same name wins.
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str());
            if let Some(Ok(fields)) = fields.map(serde_json::from_str::<Map<_, _>>) {
                line.extend(fields.into_iter().filter(|(name, _)| !name.starts_with("otel.")));
            }
        }
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        line.extend(serde_json::from_str::<Map<_, _>>(&fields).map_err(|_not_json| fmt::Error)?);

        let metadata = event.metadata();
        line.insert("severity".to_owned(), severity(*metadata.level()).into());
        line.insert("time".to_owned(), kernel::Clock::now().to_rfc3339().into());
        line.insert("target".to_owned(), metadata.target().into());
        line.insert("service".to_owned(), self.service.into());
        if *metadata.level() == Level::ERROR {
            line.insert("@type".to_owned(), REPORTED_ERROR.into());
            line.insert(
                "serviceContext".to_owned(),
                json!({"service": self.service, "version": env!("CARGO_PKG_VERSION")}),
            );
            line.insert(
                "logging.googleapis.com/sourceLocation".to_owned(),
                json!({"file": metadata.file(), "line": metadata.line().map(|line| line.to_string()), "function": metadata.target()}),
            );
        }
        let active = Context::current();
        let span = active.span();
        let span = span.span_context();
        if span.is_valid() {
            let trace = match &self.project {
                Some(project) => format!("projects/{project}/traces/{}", span.trace_id()),
                None => span.trace_id().to_string(),
            };
            line.insert("logging.googleapis.com/trace".to_owned(), trace.into());
            line.insert("logging.googleapis.com/spanId".to_owned(), span.span_id().to_string().into());
            line.insert("logging.googleapis.com/trace_sampled".to_owned(), span.is_sampled().into());
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}
