//! The spans that the replicas wrote, read as one trace.

use serde_json::Value;

use crate::Store;

/// One finished span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its own id.
    pub id: String,
    /// That of what caused it; none at the beginning of a trace.
    pub parent: Option<String>,
    /// The service that wrote it.
    pub service: String,
    /// What was done.
    pub name: String,
}

/// Every span of this trace that was written so far, in no order.
#[must_use]
pub fn spans_of(store: &Store, trace: &str) -> Vec<Span> {
    let text = |line: &Value, name: &str| line[name].as_str().map(ToOwned::to_owned);
    store
        .span_files()
        .iter()
        // A replica that has nothing to say yet has no file.
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .flat_map(|lines| lines.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains(trace))
        // The last line may still be on its way.
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .filter(|line| line["trace_id"] == trace)
        .filter_map(|line| {
            Some(Span {
                id: text(&line, "span_id")?,
                parent: text(&line, "parent_span_id"),
                service: text(&line, "service")?,
                name: text(&line, "name")?,
            })
        })
        .collect()
}
