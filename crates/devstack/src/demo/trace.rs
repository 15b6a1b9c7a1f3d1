//! One order's way through the services: the spans of its trace, as a tree.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use devstack::Error;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::rush::Rush;
use super::words;
use crate::stack::EnvFile;

/// How long to wait for all spans: they are written in batches, and the message to Telegram may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// The services through which every order goes.
const PASSED: [&str; 4] = ["gateway", "order", "catalog", "notifier"];

#[derive(Debug, Clone, Deserialize)]
struct Span {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    service: String,
    name: String,
    kind: String,
    start: DateTime<FixedOffset>,
    duration_us: u64,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// The order, and the spans of its trace.
pub(super) struct Path {
    pub(super) order: String,
    pub(super) token: String,
    status: String,
    took: Duration,
    spans: Vec<Span>,
    collector: bool,
}

/// Places one order and collects the spans of its trace.
pub(super) async fn follow(client: &Client, env: &EnvFile, rush: &Rush) -> Result<Path, Error> {
    let content = json!({"lines": [{"sku": rush.others.first(), "quantity": 1}], "reference": "the one to follow"});
    let begun = Instant::now();
    let reply = client.order(&content, 10).await?;
    if !reply.status().is_success() {
        return Err(Error::status("place an order", reply).await);
    }
    let request = reply.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let order: Value = reply.json().await.map_err(Error::http("read an order's reply"))?;
    let mut path = Path {
        order: words(&order["id"]).to_owned(),
        token: words(&order["order_token"]).to_owned(),
        status: words(&order["status"]).to_owned(),
        took: begun.elapsed(),
        spans: Vec::new(),
        collector: env.get("SPANS_DIR").is_none(),
    };
    if path.collector {
        return Ok(path);
    }
    let folder = PathBuf::from(env.required("SPANS_DIR")?);
    let deadline = Instant::now() + PATIENCE;
    while !path.is_whole() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(250)).await;
        path.spans = spans_of(&folder, &request)?;
    }
    Ok(path)
}

impl Path {
    /// Whether it has a span of every service and the calls to Telegram, and every span but the first has its parent.
    pub(super) fn is_whole(&self) -> bool {
        if self.collector {
            return true;
        }
        let services: BTreeSet<&str> = self.spans.iter().map(|span| span.service.as_str()).collect();
        let calls = self.spans.iter().filter(|span| span.service == "notifier" && span.kind == "client").count();
        PASSED.iter().all(|service| services.contains(service)) && calls >= 2 && self.roots().len() == 1
    }

    fn roots(&self) -> Vec<&Span> {
        let known: BTreeSet<&str> = self.spans.iter().map(|span| span.span_id.as_str()).collect();
        self.spans
            .iter()
            .filter(|span| span.parent_span_id.as_deref().is_none_or(|parent| !known.contains(parent)))
            .collect()
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {} after {} ms", self.order, self.status, self.took.as_millis())];
        if self.collector {
            lines.push("its spans went to the collector of OTEL_EXPORTER_OTLP_ENDPOINT".to_owned());
            return lines;
        }
        let Some(first) = self.spans.first() else {
            lines.push("no span of it was written".to_owned());
            return lines;
        };
        let hops = self.spans.iter().filter(|span| span.kind == "consumer").count();
        lines.push(format!("trace {}: {} spans, {hops} hops over Kafka", first.trace_id, self.spans.len()));
        for root in self.roots() {
            self.tree(root, 0, first.start, &mut lines);
        }
        if !self.is_whole() {
            lines.push(format!(
                "NOT whole: {} roots, services {:?}",
                self.roots().len(),
                self.spans.iter().map(|span| &span.service).collect::<BTreeSet<_>>()
            ));
        }
        lines
    }

    fn tree(&self, span: &Span, depth: usize, begun: DateTime<FixedOffset>, lines: &mut Vec<String>) {
        let at = (span.start - begun).num_microseconds().unwrap_or_default() as f64 / 1000.0;
        let what = format!("{}{} {}", "  ".repeat(depth), span.service, span.name);
        lines.push(format!("{what:<72} at {at:>7.1} ms, {:>6.1} ms", span.duration_us as f64 / 1000.0));
        for child in self.spans.iter().filter(|child| child.parent_span_id.as_deref() == Some(&span.span_id)) {
            self.tree(child, depth + 1, begun, lines);
        }
    }
}

/// The spans of the trace of this request, by the time at which they began.
fn spans_of(folder: &FilePath, request: &str) -> Result<Vec<Span>, Error> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read", folder))?.flatten() {
        let text = std::fs::read_to_string(entry.path()).map_err(Error::file("read", &entry.path()))?;
        // A line that is still being written will be complete at the next read.
        all.extend(text.lines().filter_map(|line| serde_json::from_str::<Span>(line).ok()));
    }
    let served = all.iter().find(|span| span.attributes.get("request_id").and_then(Value::as_str) == Some(request));
    let Some(trace) = served.map(|span| span.trace_id.clone()) else { return Ok(Vec::new()) };
    all.retain(|span| span.trace_id == trace);
    all.sort_by_key(|span| span.start);
    Ok(all)
}
