//! The body of an answer on its way to the client.
//!
//! The rule it keeps: a body that ends early ends the client's connection too, so it never looks complete; one that
//! stalls is given up. A stream of events may pause for longer than any other answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::shed::Place;
use crate::upstream::{Cut, Exchange};

/// A stream of events says at least every 15 seconds that it lives; this is three times as long.
const STREAM_PATIENCE: Duration = Duration::from_secs(45);

/// How long an answer of this media type may pause, where any other may pause for `usual`.
#[must_use]
pub fn patience(headers: &HeaderMap, usual: Duration) -> Duration {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_stream = media_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("text/event-stream"));
    if is_stream { usual.max(STREAM_PATIENCE) } else { usual }
}

/// The rest of an answer's body.
pub struct Passing {
    exchange: Exchange,
    size: BodySize,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    _place: Place,
}

impl Passing {
    /// `length` as the service declared it; after `patience` without a byte the body is given up.
    #[must_use]
    pub fn new(exchange: Exchange, length: Option<u64>, patience: Duration, place: Place) -> Passing {
        Passing {
            exchange,
            size: length.map_or(BodySize::Stream, BodySize::Sized),
            patience,
            timer: Box::pin(tokio::time::sleep(patience)),
            _place: place,
        }
    }
}

impl MessageBody for Passing {
    type Error = Cut;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let piece = self.exchange.poll_body(context);
        if piece.is_ready() {
            let next = Instant::now() + self.patience;
            self.timer.as_mut().reset(next);
            return piece;
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Cut::Stalled(self.patience.as_secs())))),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The body of an answer to HEAD: no bytes, but the length that a GET would have, where the service said it.
#[derive(Debug, Clone, Copy)]
pub struct LengthOnly(pub Option<u64>);

impl MessageBody for LengthOnly {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
