//! Logs, spans and figures of one process.
//! The rule: set up once, before anything that could log; what is not exported costs next to nothing.

use std::fmt::Display;
use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use opentelemetry_sdk::trace::{BatchConfigBuilder, Sampler, SdkTracerProvider, SpanExporter};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{Telemetry as Settings, filter, spans_filter};
use crate::spans::SpanFile;
use crate::structured::Structured;

/// What durations are sorted into, in seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What runs until the process ends.
#[derive(Debug)]
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
    figures: PrometheusHandle,
}

/// Installs logs, spans and figures for this process. Call it once, on the main runtime.
///
/// # Errors
/// When the span file cannot be opened, the collector's URL is no URL, or telemetry is there already.
pub(crate) fn start(service: &'static str, settings: &Settings) -> Result<Telemetry, String> {
    let provider = provider(service, settings)?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("cyber-store"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(spans_filter(&settings.level)?);
    let logs_filter = filter(&settings.level)?;
    let logs = if settings.json_logs {
        tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Structured { service, project: settings.project.clone() })
            .with_filter(logs_filter)
            .boxed()
    } else {
        tracing_subscriber::fmt::layer()
            .compact()
            .with_ansi(std::io::stdout().is_terminal())
            .with_filter(logs_filter)
            .boxed()
    };
    tracing_subscriber::registry().with(spans).with(logs).try_init().map_err(twice)?;

    let figures = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(twice)?;
    let upkeep = figures.clone();
    tokio::spawn(async move {
        // Without it, samples of histograms pile up until somebody asks for them.
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Telemetry { provider, figures })
}

fn twice(error: impl Display) -> String {
    format!("telemetry was set up twice: {error}")
}

fn unusable(error: impl Display) -> String {
    format!("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: {error}")
}

fn provider(service: &'static str, settings: &Settings) -> Result<SdkTracerProvider, String> {
    let resource = Resource::builder().with_service_name(service).build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let sampled = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    if let Some(endpoint) = &settings.collector {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().map_err(unusable)?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(unusable)?;
        return Ok(builder
            .with_sampler(sampled)
            .with_span_processor(batches(exporter, Duration::from_secs(2)))
            .build());
    }
    if let Some(path) = &settings.trace_file {
        let exporter = SpanFile::open(path, service)
            .map_err(|cause| format!("TRACE_FILE {} cannot be opened: {cause}", path.display()))?;
        // Short, because a person waits for the file.
        let processor = batches(exporter, Duration::from_millis(200));
        return Ok(builder.with_sampler(sampled).with_span_processor(processor).build());
    }
    // Nobody collects: ids are still made and passed on, nothing is recorded.
    Ok(builder.with_sampler(Sampler::AlwaysOff).build())
}

fn batches<E: SpanExporter + 'static>(
    exporter: E,
    delay: Duration,
) -> BatchSpanProcessor<opentelemetry_sdk::runtime::Tokio> {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(16_384)
        .with_max_export_batch_size(1_024)
        .with_scheduled_delay(delay)
        .build();
    BatchSpanProcessor::builder(exporter, opentelemetry_sdk::runtime::Tokio).with_batch_config(config).build()
}

impl Telemetry {
    /// The figures, for `/metrics`.
    #[must_use]
    pub(crate) fn figures(&self) -> PrometheusHandle {
        self.figures.clone()
    }

    /// Sends out what is left, for at most two seconds.
    pub(crate) async fn stop(self) {
        // It blocks its thread until the exporter has answered.
        let stopped = tokio::task::spawn_blocking(move || self.provider.shutdown());
        let _ignored = tokio::time::timeout(Duration::from_secs(2), stopped).await;
    }
}
