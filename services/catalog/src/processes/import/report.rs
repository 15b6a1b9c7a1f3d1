//! What an import tells its client: a line for each row and a summary at the end.
//! The rule: lines wait for their reader, because many clients read no reply before their whole file is sent; the run
//! ends when too many wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures::{Stream, stream};
use kernel::ImportId;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::domain::import::{Ended, RowOutcome, RowResult};

/// A line of the reply.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ImportLine {
    /// What became of a row.
    Row(RowOutcome),
    /// The last line.
    Summary {
        /// What became of the file.
        summary: ImportSummary,
    },
}

/// What became of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ImportSummary {
    /// Identifies this import in the logs.
    pub import: ImportId,
    #[serde(skip)]
    started: Instant,
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose product is new.
    pub created: u64,
    /// Rows that changed a product or its stock.
    pub updated: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows that were refused.
    pub failed: u64,
    /// How long it took.
    pub milliseconds: u128,
    /// Why the rest of the file was not read, if it was not. The rows reported above are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
}

impl ImportSummary {
    pub(super) fn new() -> Self {
        Self {
            import: ImportId::new(),
            started: Instant::now(),
            rows: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            failed: 0,
            milliseconds: 0,
            ended_early: None,
        }
    }

    /// How the import ended.
    pub(super) fn ended(&self) -> Ended {
        let Self { import, rows, created, updated, unchanged, failed, ref ended_early, .. } = *self;
        Ended { import, rows, created, updated, unchanged, failed, ended_early: ended_early.clone() }
    }

    pub(super) fn count(&mut self, result: RowResult) {
        self.rows += 1;
        match result {
            RowResult::Created => self.created += 1,
            RowResult::Updated => self.updated += 1,
            RowResult::Unchanged => self.unchanged += 1,
            RowResult::Failed => self.failed += 1,
        }
    }

    /// Sets why the import ends before the file does; the first reason stays.
    pub(super) fn end_early(&mut self, reason: impl Into<String>) {
        self.ended_early.get_or_insert_with(|| reason.into());
    }

    fn into_line(mut self) -> ImportLine {
        self.milliseconds = self.started.elapsed().as_millis();
        ImportLine::Summary { summary: self }
    }
}

/// The run's end of a report.
pub(super) struct Report {
    lines: mpsc::UnboundedSender<ImportLine>,
    unread: Arc<AtomicUsize>,
}

/// The client's end. `so_far` is taken when the summary has been read.
struct Reading {
    lines: mpsc::UnboundedReceiver<ImportLine>,
    unread: Arc<AtomicUsize>,
    so_far: Option<ImportSummary>,
}

/// A report and its lines. When the report is dropped without [`Report::end`], the stream makes up the summary itself,
/// with what it has passed on: the run broke down.
pub(super) fn channel(so_far: ImportSummary) -> (Report, impl Stream<Item = ImportLine> + Send) {
    let (sender, lines) = mpsc::unbounded_channel();
    let unread = Arc::new(AtomicUsize::new(0));
    let reading = Reading { lines, unread: unread.clone(), so_far: Some(so_far) };
    let lines = stream::unfold(reading, |mut reading| async move {
        let line = match reading.lines.recv().await {
            Some(line) => {
                reading.unread.fetch_sub(1, Ordering::Relaxed);
                line
            }
            None => {
                let mut summary = reading.so_far.take()?;
                summary.end_early("the import broke down; send the file again");
                summary.into_line()
            }
        };
        match (&line, &mut reading.so_far) {
            (ImportLine::Row(outcome), Some(so_far)) => so_far.count(outcome.result),
            (ImportLine::Row(_), None) => {}
            (ImportLine::Summary { .. }, so_far) => *so_far = None,
        }
        Some((line, reading))
    });
    (Report { lines: sender, unread }, lines)
}

impl Report {
    /// Whether the client went away.
    pub(super) fn is_abandoned(&self) -> bool {
        self.lines.is_closed()
    }

    /// Lines that the client has not read yet.
    pub(super) fn unread(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    pub(super) fn row(&self, outcome: RowOutcome) {
        self.send(ImportLine::Row(outcome));
    }

    pub(super) fn end(self, summary: ImportSummary) {
        self.send(summary.into_line());
    }

    fn send(&self, line: ImportLine) {
        self.unread.fetch_add(1, Ordering::Relaxed);
        // A client that went away is noticed between two rows.
        let _ = self.lines.send(line);
    }
}
