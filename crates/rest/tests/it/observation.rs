//! What this process says of itself, kept for the tests: its spans and its log as text.
//! The rule: one subscriber for the whole binary, installed by [`crate::api::World`] before anything is logged. A
//! subscriber per test loses events, because the first thread that reaches a log line decides for all whether anyone
//! listens. So a test finds its own lines by the ids of its requests.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt};

pub(crate) struct Observation {
    spans: Spans,
    log: Log,
    _provider: SdkTracerProvider,
}

#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Observation {
    pub(crate) fn install() -> &'static Self {
        static INSTALLED: OnceLock<Observation> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let (spans, log) = (Spans::default(), Log::default());
            let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
            let writer = log.clone();
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
            let subscriber = tracing_subscriber::registry()
                .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")))
                .with(lines.with_filter(LevelFilter::INFO));
            tracing::subscriber::set_global_default(subscriber).unwrap();
            Self { spans, log, _provider: provider }
        })
    }

    /// The spans that have ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.0.lock().unwrap().clone()
    }

    /// Everything that was logged at info and above.
    pub(crate) fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that hold all of these words.
    pub(crate) fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let log = self.log();
        log.lines().filter(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned).collect()
    }
}

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
