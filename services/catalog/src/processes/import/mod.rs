//! Importing products from a file: read as it arrives, written in batches, every row answered.
//! The rule: the client always gets a summary as the last line, also when the import ends early or breaks down; a reply
//! without one was cut off on its way.

mod file;
mod report;
mod rows;
mod run;

use std::fmt::Display;

use bytes::Bytes;
use exchange::Format;
use futures::Stream;
use mediator::{Mediator, Scope, SendError};
use tokio_util::sync::CancellationToken;

pub use report::{ImportLine, ImportSummary};

use crate::commands::import_products::ImportProducts;
use crate::error::Error;

/// Starts an import; its lines can be read at once. `explain` puts a batch's failure into words for the client.
///
/// # Errors
/// When the caller may not import or the database is away: an empty batch asks what every batch asks.
pub async fn start<E: Display + Send + 'static>(
    mediator: Mediator,
    by: Scope,
    format: Format,
    file: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    explain: fn(SendError<Error>) -> String,
) -> Result<impl Stream<Item = ImportLine>, SendError<Error>> {
    mediator.send(&by, ImportProducts { products: Vec::new() }).await?;
    let summary = ImportSummary::new();
    let (report, lines) = report::channel(summary.clone());
    let run = run::Run::new(mediator, by, explain, report, summary);
    tokio::spawn(run.import(file::read(format, file), CancellationToken::new()));
    Ok(lines)
}
