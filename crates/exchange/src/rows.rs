//! The stream: feeds the chunks of a source to a decoder and yields the rows. The rule: it holds one chunk at a time.

use std::fmt::Display;

use bytes::{Buf as _, Bytes};
use futures::{Stream, StreamExt as _, stream};

use crate::{RowError, RowPosition};

/// A row with its position, or what is wrong with it.
pub type Outcome<T> = Result<(RowPosition, T), RowError>;

/// Turns bytes into rows; does no input by itself.
pub(crate) trait Decoder {
    /// The decoded row.
    type Row;

    /// Takes bytes up to the end of the next row, at least one. Returns how many it took, and the row if it ended.
    fn read(&mut self, input: &[u8]) -> (usize, Option<Outcome<Self::Row>>);

    /// The last row, if the file ended without a line end. Called once.
    fn end(&mut self) -> Option<Outcome<Self::Row>>;

    /// The line that is being read.
    fn line(&self) -> u64;
}

/// The rows of a file as they arrive.
pub(crate) fn rows<S, D, E>(source: S, decoder: D) -> impl Stream<Item = Outcome<D::Row>>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
    D: Decoder,
{
    let reading = Some((Box::pin(source), decoder, Bytes::new()));
    let rows = stream::unfold(reading, |reading| async move {
        // None: nothing more can be read.
        let (mut source, mut decoder, mut chunk) = reading?;
        loop {
            while chunk.is_empty() {
                chunk = match source.next().await {
                    Some(Ok(chunk)) => chunk,
                    Some(Err(cause)) => {
                        let reason = format!("the file broke off here: {cause}");
                        return Some((Err(RowError::ending(decoder.line(), reason)), None));
                    }
                    None => return decoder.end().map(|row| (row, None)),
                };
            }
            let (taken, row) = decoder.read(&chunk);
            chunk.advance(taken);
            if let Some(row) = row {
                let ended = row.as_ref().is_err_and(|error| error.ends_file);
                return Some((row, (!ended).then_some((source, decoder, chunk))));
            }
        }
    });
    rows.fuse()
}
