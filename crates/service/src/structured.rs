//! Log lines in Google Cloud Logging's structured form.
//! The rule: `severity`, `message` and the trace are where Cloud Logging looks for them, and an error
//! has the shape that Error Reporting groups. No field replaces any of these: one of the same name moves aside.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
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
                for (name, value) in fields.into_iter().filter(|(name, _)| !name.starts_with("otel.")) {
                    line.insert(beside_ours(&name), value);
                }
            }
        }
        let mut fields = Fields { line, text: None };
        event.record(&mut fields);
        let Fields { mut line, text } = fields;
        line.insert("message".to_owned(), text.unwrap_or_default().into());

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

/// What the line itself says under these names.
const OURS: [&str; 7] = ["message", "severity", "time", "target", "service", "@type", "serviceContext"];

/// The name of a field: its own, unless the line needs that one.
fn beside_ours(name: &str) -> String {
    if OURS.contains(&name) || name.starts_with("logging.googleapis.com/") {
        format!("field.{name}")
    } else {
        name.to_owned()
    }
}

/// Takes over the fields of an event. Its text comes first, under the name `message`.
struct Fields {
    line: Map<String, Value>,
    text: Option<String>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        // What the crate `log` says of its own lines.
        if !name.starts_with("log.") {
            self.line.insert(beside_ours(name.strip_prefix("r#").unwrap_or(name)), value.into());
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" && self.text.is_none() {
            self.text = Some(value);
        } else {
            self.put(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.put(field, value),
            // JSON's readers take such a number for another one.
            Err(_too_large) => self.put(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
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
