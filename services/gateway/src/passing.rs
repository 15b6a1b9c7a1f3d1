//! The body of an answer on its way to the client.
//!
//! The rule it keeps: a body that ends early ends the client's connection too, so it never looks complete; one that
//! stalls is given up.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::shed::Place;
use crate::upstream::{Cut, Exchange};

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
