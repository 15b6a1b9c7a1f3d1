//! Batches of products on their way through the mediator, and the results on their way back.
//! The rule: a batch is one transaction; no slug and no SKU stands twice in it, so what a file says twice is followed
//! twice, in its order.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use exchange::Format;
use futures::StreamExt as _;
use futures::stream;
use kernel::ImportId;
use mediator::Scope;
use rest::{App, Lines, Problem};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::reading::{Item, read};
use crate::commands::import_products::ImportProducts;
use crate::domain::import::{ImportedProduct, RowFault, RowOutcome, RowResult};

/// As many variants as one transaction writes.
const BATCH: usize = 500;
/// With more refused rows than this the file is not what it should be, and the rest of it is not read.
const MOST_REFUSED: u64 = 10_000;
/// Results that may wait for a client that does not read them: some tens of megabytes.
const MOST_UNREAD: usize = 200_000;

/// A line of the reply.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ImportLine {
    /// What became of a row.
    Row(RowOutcome),
    /// The last line.
    Summary {
        /// What became of the file.
        summary: ImportSummary,
    },
}

/// What became of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ImportSummary {
    /// Names this import in the logs.
    import: ImportId,
    /// Rows that were read.
    rows: u64,
    /// Rows whose product is new.
    created: u64,
    /// Rows whose product or stock is different now.
    updated: u64,
    /// Rows of which everything was like that already.
    unchanged: u64,
    /// Rows that were refused.
    failed: u64,
    /// How long it took.
    milliseconds: u128,
    /// Why the rest of the file was not read, when it was not. What is reported above is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_early: Option<String>,
}

/// Starts reading and importing; the lines can be read at once. They wait for their reader, because many clients read no
/// reply before their whole file is sent; when too many wait, the import ends.
pub(super) fn start(
    app: App,
    by: Scope,
    format: Format,
    pieces: mpsc::Receiver<Result<Bytes, Problem>>,
) -> Lines<ImportLine> {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let unread = Arc::new(AtomicUsize::new(0));
    let run = Run {
        app,
        by,
        lines: sender,
        unread: unread.clone(),
        batch: Batch::default(),
        summary: ImportSummary {
            import: ImportId::new(),
            rows: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            failed: 0,
            milliseconds: 0,
            ended_early: None,
        },
    };
    tokio::spawn(run.read(format, pieces));
    Lines::new(stream::poll_fn(move |context| {
        let line = lines.poll_recv(context);
        if let Poll::Ready(Some(_)) = line {
            unread.fetch_sub(1, Ordering::Relaxed);
        }
        line
    }))
}

struct Run {
    app: App,
    by: Scope,
    lines: mpsc::UnboundedSender<ImportLine>,
    /// Lines that nobody has read yet.
    unread: Arc<AtomicUsize>,
    batch: Batch,
    summary: ImportSummary,
}

/// What waits for the next transaction.
#[derive(Default)]
struct Batch {
    products: Vec<ImportedProduct>,
    refused: Vec<RowOutcome>,
    slugs: HashSet<String>,
    skus: HashSet<String>,
}

impl Batch {
    /// Whether the product must wait for the next batch.
    fn has_no_room_for(&self, product: &ImportedProduct) -> bool {
        self.skus.len() + product.variants.len() > BATCH && !self.products.is_empty()
            || self.products.len() >= BATCH
            || self.slugs.contains(product.slug.as_str())
            || product.variants.iter().any(|variant| self.skus.contains(variant.sku.as_str()))
    }

    fn push(&mut self, product: ImportedProduct) {
        self.slugs.insert(product.slug.to_string());
        self.skus.extend(product.variants.iter().map(|variant| variant.sku.to_string()));
        self.products.push(product);
    }
}

impl Run {
    async fn read(mut self, format: Format, pieces: mpsc::Receiver<Result<Bytes, Problem>>) {
        let started = Instant::now();
        let mut items = read(format, pieces);
        while let Some(item) = items.next().await {
            match item {
                Item::Refused(outcome) => self.batch.refused.push(outcome),
                Item::Product(product) => {
                    if self.batch.has_no_room_for(&product) {
                        self.flush().await;
                    }
                    self.batch.push(product);
                }
            }
            if self.batch.refused.len() >= BATCH {
                self.flush().await;
            }
            // Nobody reads the results any more, or the database went away.
            if self.lines.is_closed() || self.summary.ended_early.is_some() {
                break;
            }
        }
        self.flush().await;
        self.summary.milliseconds = started.elapsed().as_millis();
        tracing::info!(import = %self.summary.import, rows = self.summary.rows, created = self.summary.created,
            updated = self.summary.updated, failed = self.summary.failed, "an import has ended");
        let Run { lines, unread, summary, .. } = self;
        unread.fetch_add(1, Ordering::Relaxed);
        // A client that went away does not wait for the summary.
        let _ = lines.send(ImportLine::Summary { summary });
    }

    /// Sends the batch and tells what became of its rows.
    async fn flush(&mut self) {
        let Batch { products, refused, .. } = std::mem::take(&mut self.batch);
        let mut outcomes = refused;
        if !products.is_empty() && self.summary.ended_early.is_none() {
            let rows: Vec<_> = products.iter().map(|product| (product.line, product.slug.clone())).collect();
            match self.app.send(&self.by, ImportProducts { products }).await {
                Ok(results) => outcomes.extend(results),
                Err(problem) => {
                    let reason = format!("was not imported: {problem}");
                    let fault = || RowFault { column: None, reason: reason.clone() };
                    outcomes.extend(
                        rows.into_iter().map(|(line, slug)| RowOutcome::failed(line, Some(slug), vec![fault()])),
                    );
                    tracing::error!(import = %self.summary.import, %problem, cause = problem.logged_cause(),
                        "a batch of an import failed, so the import ends here");
                    self.end_early(format!("a batch {reason}; send the file again later"));
                }
            }
        }
        outcomes.sort_by_key(|outcome| outcome.line);
        for outcome in outcomes {
            self.summary.count(outcome.result);
            self.unread.fetch_add(1, Ordering::Relaxed);
            // A client that went away is noticed by the loop.
            let _ = self.lines.send(ImportLine::Row(outcome));
        }
        if self.summary.failed > MOST_REFUSED {
            self.end_early(format!("more than {MOST_REFUSED} rows were refused; correct the file and send it again"));
        } else if self.unread.load(Ordering::Relaxed) > MOST_UNREAD {
            self.end_early(format!("{MOST_UNREAD} results wait to be read; read the reply while the file is sent"));
        }
    }

    /// The first reason stays.
    fn end_early(&mut self, reason: String) {
        self.summary.ended_early.get_or_insert(reason);
    }
}

impl ImportSummary {
    fn count(&mut self, result: RowResult) {
        self.rows += 1;
        match result {
            RowResult::Created => self.created += 1,
            RowResult::Updated => self.updated += 1,
            RowResult::Unchanged => self.unchanged += 1,
            RowResult::Failed => self.failed += 1,
        }
    }
}
