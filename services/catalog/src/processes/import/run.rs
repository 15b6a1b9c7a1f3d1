//! One run: products go to the database in batches, their results to the report.
//! The rule: a batch is one transaction, and no slug, no SKU and no barcode stands twice in it, so a product that stands twice in
//! the file is imported twice, in the file's order.

use std::pin::pin;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kernel::{OrganisationId, ProductId};
use mediator::{Mediator, Scope, SendError};

use super::file::Item;
use super::report::{ImportSummary, Report};
use crate::commands::import_products::ImportProducts;
use crate::commands::record_import::RecordImport;
use crate::domain::import::{ImportedProduct, Names, RowFault, RowOutcome, RowResult};
use crate::error::Error;
use crate::processes::invalidation::StaleProducts;

/// How many variants one transaction writes at most.
const BATCH: usize = 500;
/// With more refused rows than this something is wrong with the whole file, and the rest of it is not read.
const MOST_REFUSED: u64 = 10_000;
/// Results that may wait for a client that does not read them: some tens of megabytes.
const MOST_UNREAD: usize = 200_000;

pub(super) struct Run {
    pub(super) mediator: Mediator,
    pub(super) stale: StaleProducts,
    pub(super) last_written: Option<(OrganisationId, ProductId)>,
    pub(super) by: Scope,
    pub(super) explain: fn(SendError<Error>) -> String,
    pub(super) report: Report,
    pub(super) batch: Batch,
    pub(super) summary: ImportSummary,
}

/// What waits for the next transaction.
#[derive(Default)]
pub(super) struct Batch {
    products: Vec<ImportedProduct>,
    refused: Vec<RowOutcome>,
    names: Names,
}

impl Batch {
    /// Whether the product must wait for the next batch.
    fn has_no_room_for(&self, product: &ImportedProduct) -> bool {
        self.names.variants() + product.variants.len() > BATCH && !self.products.is_empty()
            || self.products.len() >= BATCH
            || self.names.clash(product).is_some()
    }

    fn push(&mut self, product: ImportedProduct) {
        self.names.add(&product);
        self.products.push(product);
    }
}

impl Run {
    /// Imports the file to its end, or until `time_is_up`, and reports a summary.
    pub(super) async fn import(mut self, mut items: BoxStream<'static, Item>, time_is_up: impl Future<Output = ()>) {
        let mut time_is_up = pin!(time_is_up);
        loop {
            let item = tokio::select! {
                // A file that arrives fast would otherwise put off the end by chance.
                biased;
                () = &mut time_is_up => {
                    self.flush().await;
                    self.summary.end_early("the service is stopping; send the file again");
                    None
                }
                item = items.next() => item,
            };
            match item {
                None => break,
                Some(Item::Refused(outcome)) => self.batch.refused.push(outcome),
                Some(Item::Product(product)) => {
                    if self.batch.has_no_room_for(&product) {
                        self.flush().await;
                    }
                    self.batch.push(*product);
                }
            }
            if self.batch.refused.len() >= BATCH {
                self.flush().await;
            }
            if self.report.is_abandoned() || self.summary.ended_early.is_some() {
                break;
            }
        }
        self.flush().await;
        // Once for all batches, before the summary: what was noted before is done by then, too.
        self.stale.note_and_wait(self.last_written).await;
        self.tell().await;
        let Self { report, summary, .. } = self;
        tracing::info!(import = %summary.import, rows = summary.rows, created = summary.created,
            updated = summary.updated, failed = summary.failed, "an import has ended");
        report.end(summary);
    }

    /// Says on the topic how it ended. Whoever sent the file has the summary, also when this fails.
    async fn tell(&self) {
        let record = RecordImport { ended: self.summary.ended() };
        if let Err(error) = self.mediator.send(&self.by, record).await {
            tracing::warn!(import = %self.summary.import, %error, "nobody but whoever sent the file is told that an import has ended");
        }
    }

    /// Writes products in one transaction, or each in one of its own when others write the same rows at the same time.
    async fn write(&mut self, products: Vec<ImportedProduct>) -> Vec<RowOutcome> {
        match self.mediator.send(&self.by, ImportProducts { products: products.clone() }).await {
            Ok(outcomes) => {
                let written = |outcome: &&RowOutcome| matches!(outcome.result, RowResult::Created | RowResult::Updated);
                let written = outcomes.iter().filter(written);
                let written: Vec<_> =
                    written.filter_map(|outcome| Some((self.by.organisation(), outcome.product?))).collect();
                self.last_written = written.last().copied().or(self.last_written);
                self.stale.note(written);
                outcomes
            }
            Err(SendError::Failed(error)) if error.is_contested() => {
                if products.len() == 1 {
                    return failed(&products, "it was being changed by others all the time; send this row again");
                }
                tracing::info!(import = %self.summary.import, %error, products = products.len(),
                    "a batch of an import was contested, so its products are written one by one");
                let mut outcomes = Vec::new();
                for product in &products {
                    outcomes.extend(match &self.summary.ended_early {
                        None => Box::pin(self.write(vec![product.clone()])).await,
                        Some(reason) => failed(std::slice::from_ref(product), reason),
                    });
                }
                outcomes
            }
            Err(error) => {
                tracing::error!(import = %self.summary.import, %error,
                    "a batch of an import failed, so the import ends here");
                let reason = (self.explain)(error);
                self.summary.end_early(format!("a batch was not imported: {reason}; send the file again later"));
                failed(&products, &reason)
            }
        }
    }

    /// Writes the batch and reports what became of its rows.
    async fn flush(&mut self) {
        let Batch { products, refused, .. } = std::mem::take(&mut self.batch);
        let mut outcomes = refused;
        if !products.is_empty() && self.summary.ended_early.is_none() {
            outcomes.extend(self.write(products).await);
        }
        outcomes.sort_by_key(|outcome| outcome.line);
        for outcome in outcomes {
            self.summary.count(outcome.result);
            self.report.row(outcome);
        }
        if self.summary.failed > MOST_REFUSED {
            let reason = format!("more than {MOST_REFUSED} rows were refused; correct the file and send it again");
            self.summary.end_early(reason);
        } else if self.report.unread() > MOST_UNREAD {
            let reason = format!("{MOST_UNREAD} results wait to be read; read the reply while the file is sent");
            self.summary.end_early(reason);
        }
    }
}

/// Every row of these products, refused for one reason.
fn failed(products: &[ImportedProduct], reason: &str) -> Vec<RowOutcome> {
    let fault = || RowFault { column: None, reason: format!("was not imported: {reason}") };
    let rows = products.iter().flat_map(|product| product.lines().into_iter().map(move |line| (product, line)));
    rows.map(|(product, line)| RowOutcome::failed(line, Some(product.slug.clone()), vec![fault()])).collect()
}
