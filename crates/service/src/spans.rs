//! Finished spans as JSON lines in a file, for a machine without a collector.
//! The rule: one write per batch on a file opened for appending, so several processes can share it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Map, Value, json};

/// Writes spans into one file.
#[derive(Debug)]
pub(crate) struct SpanFile {
    service: &'static str,
    file: Mutex<File>,
}

impl SpanFile {
    pub(crate) fn open(path: &Path, service: &'static str) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { service, file: Mutex::new(file) })
    }
}

impl SpanExporter for SpanFile {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut lines = Vec::with_capacity(batch.len() * 512);
        for span in &batch {
            lines.extend_from_slice(line(self.service, span).to_string().as_bytes());
            lines.push(b'\n');
        }
        let mut file = self.file.lock().map_err(|_poisoned| OTelSdkError::AlreadyShutdown)?;
        file.write_all(&lines).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }
}

fn line(service: &str, span: &SpanData) -> Value {
    let mut attributes = Map::new();
    for pair in &span.attributes {
        attributes.insert(pair.key.to_string(), pair.value.to_string().into());
    }
    let parent = (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.to_string());
    let failed = matches!(span.status, Status::Error { .. });
    json!({
        "trace_id": span.span_context.trace_id().to_string(),
        "span_id": span.span_context.span_id().to_string(),
        "parent_span_id": parent,
        "service": service,
        "name": span.name,
        "kind": format!("{:?}", span.span_kind).to_lowercase(),
        "start": kernel_time(span.start_time),
        "duration_us": span.end_time.duration_since(span.start_time).map_or(0, micros),
        "error": failed,
        "attributes": attributes,
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds since 1970, as the rest of the line counts.
fn kernel_time(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    crate::structured::rfc3339(micros)
}
