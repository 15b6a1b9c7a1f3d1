//! Finished spans as JSON lines in a file, for a machine without a collector.
//! The rule: one write per batch on a file opened for appending, so several processes can share it; it never grows
//! beyond [`LONGEST`].

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Map, Value, json};

/// The longest that the file gets, in bytes: then it begins anew. Whoever wants to keep more has a collector.
const LONGEST: u64 = 32 << 20;

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

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.file.lock().map_err(|_poisoned| io::Error::other("a write before this one panicked"))?;
        // Asked, not counted: other processes write here too.
        if file.metadata()?.len() + lines.len() as u64 > LONGEST {
            file.set_len(0)?;
        }
        file.write_all(lines)
    }
}

impl SpanExporter for SpanFile {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut lines = Vec::with_capacity(batch.len() * 512);
        for span in &batch {
            lines.extend_from_slice(line(self.service, span).to_string().as_bytes());
            lines.push(b'\n');
        }
        self.append(&lines).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
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
        "start": DateTime::<Utc>::from(span.start_time).trunc_subsecs(6).to_rfc3339(),
        "duration_us": span.end_time.duration_since(span.start_time).map_or(0, micros),
        "error": failed,
        "attributes": attributes,
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_become_too_long_begins_anew() {
        let path = std::env::temp_dir().join(format!("service-long-spans-{}", std::process::id()));
        let length = || std::fs::metadata(&path).unwrap().len();
        File::create(&path).unwrap().set_len(LONGEST - 10).unwrap();
        let (one, other) = (SpanFile::open(&path, "probe").unwrap(), SpanFile::open(&path, "probe").unwrap());
        one.append(b"12345678\n").unwrap();
        assert_eq!(length(), LONGEST - 1, "what fits is appended");
        one.append(b"12\n").unwrap();
        other.append(b"345\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "12\n345\n");
        std::fs::remove_file(path).unwrap();
    }
}
