//! Taking the client's body: a small one whole, a large one piece by piece, neither beyond its bound nor for ever.
//!
//! The rule it keeps: a small body is complete before a service hears of the request, so a slow client holds no
//! connection of a service and the request can be sent again to another replica.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use crate::upstream::Upload;

/// Up to this length a body is collected before it is passed on, bytes.
const WHOLE_LIMIT: u64 = 64 * 1024;

/// Why the client's body could not be taken.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum UploadError {
    /// Longer than allowed.
    #[error("the body is longer than {limit} bytes, which is the most for this address")]
    TooLarge {
        /// The bound, bytes.
        limit: u64,
    },
    /// It stopped coming.
    #[error("the body did not arrive in time: nothing came for {seconds} seconds")]
    TooSlow {
        /// How long was waited.
        seconds: u64,
    },
    /// The client went away or its framing is broken.
    #[error("the body ended before its announced length")]
    Broken,
}

/// The body of a request, ready to be passed on.
pub enum Incoming {
    /// There is none.
    None,
    /// All of it.
    Whole(Bytes),
    /// Piece by piece, with its length when it was stated.
    Streamed(Upload, Option<u64>),
}

/// Takes the body as the headers announce it. `limit` bytes are allowed; `patience` may pass without a byte.
pub async fn take(
    headers: &HeaderMap,
    payload: Payload,
    limit: u64,
    patience: Duration,
) -> Result<Incoming, UploadError> {
    let stated = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse::<u64>().ok());
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    match stated {
        None | Some(0) if !chunked => Ok(Incoming::None),
        Some(length) if length > limit => Err(UploadError::TooLarge { limit }),
        Some(length) if length <= WHOLE_LIMIT => collect(payload, length, patience).await.map(Incoming::Whole),
        stated => {
            let source = Capped {
                payload,
                left: stated.unwrap_or(limit),
                limit,
                patience,
                timer: Box::pin(tokio::time::sleep(patience)),
            };
            let upload = Upload { source: Box::pin(source), chunked: stated.is_none() };
            Ok(Incoming::Streamed(upload, stated))
        }
    }
}

async fn collect(mut payload: Payload, length: u64, patience: Duration) -> Result<Bytes, UploadError> {
    let expected = usize::try_from(length).unwrap_or(usize::MAX);
    let deadline = Instant::now() + patience;
    let mut body = BytesMut::new();
    loop {
        let piece = match tokio::time::timeout_at(deadline, payload.next()).await {
            Err(_) => return Err(UploadError::TooSlow { seconds: patience.as_secs() }),
            Ok(None) if body.len() == expected => return Ok(body.freeze()),
            Ok(None | Some(Err(_))) => return Err(UploadError::Broken),
            Ok(Some(Ok(piece))) => piece,
        };
        // The usual small body is one piece: nothing is copied.
        if body.is_empty() && piece.len() == expected {
            return Ok(piece);
        }
        if body.len() + piece.len() > expected {
            return Err(UploadError::Broken);
        }
        body.extend_from_slice(&piece);
    }
}

/// The client's pieces with a bound on their sum and on the silence between them.
struct Capped {
    payload: Payload,
    left: u64,
    limit: u64,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Stream for Capped {
    type Item = Result<Bytes, UploadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.payload.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(piece))) => {
                let length = piece.len() as u64;
                if length > self.left {
                    return Poll::Ready(Some(Err(UploadError::TooLarge { limit: self.limit })));
                }
                self.left -= length;
                let next = Instant::now() + self.patience;
                self.timer.as_mut().reset(next);
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(UploadError::Broken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.timer.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(UploadError::TooSlow { seconds: self.patience.as_secs() }))),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}
