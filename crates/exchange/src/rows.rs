//! The stream: feeds the chunks of a source to a decoder and yields the rows. The rule: it holds one chunk at a time.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures::Stream;

use crate::{RowError, RowPosition};

/// A row with its position, or what is wrong with it.
pub type Outcome<T> = Result<(RowPosition, T), RowError>;

/// Turns bytes into rows; does no input by itself.
pub trait Decoder {
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
pub struct Rows<S, D> {
    source: Pin<Box<S>>,
    decoder: D,
    chunk: Bytes,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Reading,
    /// The source has ended; the last row may be unfinished.
    AtTheEnd,
    Ended,
}

impl<S, D> Rows<S, D> {
    pub(crate) fn new(source: S, decoder: D) -> Self {
        Self { source: Box::pin(source), decoder, chunk: Bytes::new(), state: State::Reading }
    }
}

// Nothing is pinned inside: the source is in its own box.
impl<S, D> Unpin for Rows<S, D> {}

impl<S, D, E> Stream for Rows<S, D>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
    D: Decoder,
{
    type Item = Outcome<D::Row>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.state == State::Ended {
                return Poll::Ready(None);
            }
            if !this.chunk.is_empty() {
                let (taken, row) = this.decoder.read(&this.chunk);
                this.chunk.advance(taken);
                let Some(row) = row else { continue };
                if row.as_ref().is_err_and(|error| error.ends_file) {
                    this.state = State::Ended;
                }
                return Poll::Ready(Some(row));
            }
            if this.state == State::AtTheEnd {
                this.state = State::Ended;
                return Poll::Ready(this.decoder.end());
            }
            match ready!(this.source.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => this.chunk = chunk,
                Some(Err(cause)) => {
                    this.state = State::Ended;
                    let reason = format!("the file broke off here: {cause}");
                    return Poll::Ready(Some(Err(RowError::ending(this.decoder.line(), reason))));
                }
                None => this.state = State::AtTheEnd,
            }
        }
    }
}
