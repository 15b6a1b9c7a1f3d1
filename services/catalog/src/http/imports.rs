//! Importing products from a file: the upload is read as it arrives, and each row's result is sent as it is known.

use exchange::Format;
use futures::stream;
use rest::{Lines, Problem, Staff, State, Upload};

use crate::processes::import::{ImportLine, Imports};

/// The description of the file, for the document.
pub(super) const FORMAT: &str = include_str!("import_format.md");

pub(super) async fn import(
    State(imports): State<Imports>,
    by: Staff,
    upload: Upload,
) -> Result<Lines<ImportLine>, Problem> {
    let format = Format::of_media_type(upload.accept(Format::MEDIA_TYPES)?).unwrap_or(Format::Ndjson);
    let mut pieces = upload.into_receiver();
    let file = stream::poll_fn(move |context| pieces.poll_recv(context));
    let explain = |error| Problem::from(error).to_string();
    Ok(Lines::new(imports.start(by.0, format, file, explain).await?))
}
