//! Importing products from a file: read as it arrives, written in batches, every row answered. A batch that others got in
//! the way of is written product by product, so that at most the contested ones fail.
//! The rule: the client always gets a summary as the last line, also when the import ends early or breaks down; a reply
//! without one was cut off on its way.

pub mod call;
mod file;
mod report;
mod rows;
mod run;

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use exchange::Format;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use mediator::{Mediator, Scope, SendError};
use service::Tasks;

pub use report::{ImportLine, ImportSummary};
use run::{Batch, Run};

use super::invalidation::StaleProducts;
use crate::commands::import_products::ImportProducts;
use crate::domain::locale::DefaultLocale;
use crate::error::Error;

/// How long imports go on after a stop has begun. The HTTP server lets requests run for 15 seconds, and what is left of
/// them is for the last batch and the summary.
pub const GRACE: Duration = Duration::from_secs(10);

/// The most bytes of a row: a product with 100 variants and a long description fits. A batch of the longest rows takes some hundred
/// megabytes, so what is longer has to come in a call.
const MOST_BYTES: usize = 262_144;

/// Starts imports. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Imports {
    mediator: Mediator,
    stale: StaleProducts,
    own: DefaultLocale,
    tasks: Tasks,
    grace: Duration,
}

impl Imports {
    /// Imports through this mediator, and tells the cache; the files' texts are in the language `own`. Each run is one of these
    /// tasks. `grace` is how long a run may go
    /// on after a stop has begun.
    #[must_use]
    pub fn new(mediator: Mediator, stale: StaleProducts, own: DefaultLocale, tasks: Tasks, grace: Duration) -> Self {
        Self { mediator, stale, own, tasks, grace }
    }

    /// Starts an import; its lines can be read at once. `explain` puts a batch's failure into words for the client.
    ///
    /// # Errors
    /// When the caller may not import or the database is away: an empty batch asks first what every batch asks.
    pub async fn start<E: Display + 'static>(
        &self,
        by: Scope,
        format: Format,
        file: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        explain: fn(SendError<Error>) -> String,
    ) -> Result<BoxStream<'static, ImportLine>, SendError<Error>> {
        let mediator = self.mediator.clone();
        mediator.send(&by, ImportProducts { products: Vec::new() }).await?;
        let summary = ImportSummary::new();
        let what = format!("import {}", summary.import);
        let (report, lines) = report::channel(summary.clone());
        let rows = file::read(format, self.own.clone(), MOST_BYTES, file);
        let run = Run {
            mediator,
            stale: self.stale.clone(),
            last_written: None,
            by,
            explain,
            report,
            batch: Batch::default(),
            summary,
        };
        let grace = self.grace;
        self.tasks.spawn(what, move |stop| {
            run.import(rows, async move {
                stop.cancelled().await;
                tokio::time::sleep(grace).await;
            })
        });
        Ok(lines.boxed())
    }
}
