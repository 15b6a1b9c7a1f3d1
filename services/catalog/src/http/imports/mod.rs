//! Importing products from a file: the upload is read as it arrives, and each row's result is sent as it is known.

mod reading;
mod rows;
mod running;

use exchange::Format;
use rest::{App, Lines, Problem, Staff, Upload};

pub(super) use running::ImportLine;

use crate::commands::import_products::ImportProducts;

/// The description of the file, for the document.
pub(super) const FORMAT: &str = include_str!("format.md");

/// The empty batch asks first what every batch asks: whether the caller may, and whether the database is there.
pub(super) async fn import(app: App, by: Staff, upload: Upload) -> Result<Lines<ImportLine>, Problem> {
    let format = Format::of_media_type(upload.accept(Format::MEDIA_TYPES)?);
    app.send(&by, ImportProducts { products: Vec::new() }).await?;
    Ok(running::start(app, by.0, format.unwrap_or(Format::Ndjson), upload.into_receiver()))
}
