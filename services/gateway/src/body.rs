//! Taking the client's body: a small one whole, a large one piece by piece, both limited in size and time.
//!
//! The rule it keeps: a small body is complete before the request is sent to a service, so a slow client holds no
//! connection to a service and the request can be sent again to another replica.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep};

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
    /// It stopped arriving.
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
    /// All of it; empty where there is none.
    Whole(Bytes),
    /// Piece by piece.
    Streamed(Upload),
}

/// The client's pieces with a bound on their sum and on the silence between them.
pub struct Upload {
    payload: Payload,
    /// Its length in bytes, when it was declared.
    declared: Option<u64>,
    left: u64,
    limit: u64,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    pieces: Rc<Cell<u64>>,
}

impl Upload {
    /// Its length in bytes, when the client declared it.
    #[must_use]
    pub fn declared(&self) -> Option<u64> {
        self.declared
    }

    /// How many pieces were taken so far, which shows that the upload makes progress.
    #[must_use]
    pub fn pieces(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.pieces)
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, UploadError>>> {
        match self.payload.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(piece))) => {
                let length = piece.len() as u64;
                if length > self.left {
                    return Poll::Ready(Some(Err(UploadError::TooLarge { limit: self.limit })));
                }
                self.left -= length;
                self.pieces.set(self.pieces.get() + 1);
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

impl Body for Incoming {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        match &mut *self {
            Incoming::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Incoming::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Incoming::Streamed(upload) => upload.poll_piece(context).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Incoming::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Incoming::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Incoming::Streamed(upload) => upload.declared.map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

/// Takes the body as the headers declare it: at most `limit` bytes, and never longer than `patience` without a byte.
pub async fn take(
    headers: &HeaderMap,
    payload: Payload,
    limit: u64,
    patience: Duration,
) -> Result<Incoming, UploadError> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse::<u64>().ok());
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    match declared {
        None | Some(0) if !chunked => Ok(Incoming::Whole(Bytes::new())),
        Some(length) if length > limit => Err(UploadError::TooLarge { limit }),
        Some(length) if length <= WHOLE_LIMIT => collect(payload, length, patience).await.map(Incoming::Whole),
        declared => {
            let upload = Upload {
                payload,
                declared,
                left: declared.unwrap_or(limit),
                limit,
                patience,
                timer: Box::pin(tokio::time::sleep(patience)),
                pieces: Rc::default(),
            };
            Ok(Incoming::Streamed(upload))
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
