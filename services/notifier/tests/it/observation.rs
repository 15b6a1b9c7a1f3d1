//! What this process says of itself, kept for the tests: its spans, its errors in the log, its metrics.
//! The rule: it is installed once for all tests of this binary, because subscriber and recorder are the process's.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use kernel::OrganisationId;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// What a panic that [`Observation::panic_in_next_message_of`] causes says.
pub(crate) const PANIC: &str = "the test lets the sender panic";

pub(crate) struct Observation {
    seen: Seen,
    metrics: PrometheusHandle,
    _provider: SdkTracerProvider,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    spans: Arc<Mutex<Vec<SpanData>>>,
    errors: Arc<Mutex<Vec<String>>>,
    panic_for: Arc<Mutex<Option<OrganisationId>>>,
    panicked_at: Arc<Mutex<Option<Instant>>>,
}

impl Observation {
    pub(crate) fn install() -> &'static Self {
        static INSTALLED: OnceLock<Observation> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let seen = Seen::default();
            let provider = SdkTracerProvider::builder().with_simple_exporter(seen.clone()).build();
            let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
            let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(spans).with(seen.clone());
            tracing::subscriber::set_global_default(subscriber).unwrap();
            Self { seen, metrics: PrometheusBuilder::new().install_recorder().unwrap(), _provider: provider }
        })
    }

    /// The spans of a trace that have ended.
    pub(crate) fn spans_of(&self, trace: &str) -> Vec<SpanData> {
        let spans = self.seen.spans.lock().unwrap();
        spans.iter().filter(|span| span.span_context.trace_id().to_string() == trace).cloned().collect()
    }

    /// Every error that was logged, with its fields.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.seen.errors.lock().unwrap().clone()
    }

    /// The metrics as `/metrics` shows them.
    pub(crate) fn metrics(&self) -> String {
        self.metrics.render()
    }

    /// Lets the next sender panic that is about to send a message of this organisation, in the place where it opens the
    /// span of the call.
    pub(crate) fn panic_in_next_message_of(&self, organisation: OrganisationId) {
        *self.seen.panic_for.lock().unwrap() = Some(organisation);
    }

    /// The time since that panic; none before it.
    pub(crate) fn since_panic(&self) -> Option<Duration> {
        self.seen.panicked_at.lock().unwrap().map(|at| at.elapsed())
    }
}

impl SpanExporter for Seen {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// The fields of a span or an event as text.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Seen {
    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        if attributes.metadata().name() != "sending" {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut panic_for = self.panic_for.lock().unwrap();
        let hit = panic_for.take_if(|organisation| fields.0.contains(&format!("organisation={organisation} ")));
        drop(panic_for);
        if hit.is_some() {
            *self.panicked_at.lock().unwrap() = Some(Instant::now());
        }
        assert!(hit.is_none(), "{PANIC}");
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.errors.lock().unwrap().push(fields.0);
        }
    }
}
