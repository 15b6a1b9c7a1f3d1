//! A body that is read piece by piece, such as an import file.
//! The rule: the total size, the total time and the pause between two pieces are bounded; nothing is kept.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, RequestBody, Response, StatusCode};
use aide::operation::set_body;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Ready, ready};
use tokio::sync::mpsc;

use crate::body::{broken, declared_length, too_large, uncompressed};
use crate::documents::{file, refusal};
use crate::problem::Problem;
use crate::problems;

/// The longest pause between two pieces.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest time for the whole body.
const WHOLE: Duration = Duration::from_secs(15 * 60);

/// A streamed body of at most `LIMIT` bytes (256 MiB unless said otherwise).
///
/// A client that sends its whole body before it reads the reply (most do) and a handler that
/// replies before it has read the whole body can wait for each other. Read to the end first, or
/// keep the reply small until then.
pub struct Upload<const LIMIT: usize = 268_435_456> {
    payload: Payload,
    /// In lower case, without parameters; empty when the client sent none.
    content_type: String,
    received: usize,
    deadline: tokio::time::Instant,
}

impl<const LIMIT: usize> Upload<LIMIT> {
    /// The content type if it is one of these.
    ///
    /// # Errors
    /// 415 naming those that are taken.
    pub fn accept(&self, accepted: &[&str]) -> Result<&str, Problem> {
        if accepted.contains(&self.content_type.as_str()) {
            Ok(&self.content_type)
        } else {
            Err(Problem::new(problems::UNSUPPORTED_MEDIA_TYPE)
                .detail(format!("Send {}.", accepted.join(" or ")))
                .member("accepted", accepted))
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// 408 when it does not come in time, 413 beyond the limit, 400 when the body breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let until = self.deadline.min(tokio::time::Instant::now() + PAUSE);
        let Ok(piece) = tokio::time::timeout_at(until, self.payload.next()).await else {
            return Err(Problem::new(problems::REQUEST_TIMEOUT).detail("The body stopped arriving."));
        };
        let Some(piece) = piece.transpose().map_err(broken)? else { return Ok(None) };
        self.received += piece.len();
        if self.received > LIMIT { Err(too_large(LIMIT)) } else { Ok(Some(piece)) }
    }

    /// The pieces for a task on another thread, at most eight of them ahead of it. The last one is an
    /// error when the body did not arrive whole.
    #[must_use]
    pub fn into_receiver(mut self) -> mpsc::Receiver<Result<Bytes, Problem>> {
        let (sender, receiver) = mpsc::channel(8);
        actix_web::rt::spawn(async move {
            loop {
                let piece = match self.next().await {
                    Ok(None) => break,
                    Ok(Some(piece)) => Ok(piece),
                    Err(problem) => Err(problem),
                };
                let last = piece.is_err();
                if sender.send(piece).await.is_err() || last {
                    break;
                }
            }
        });
        receiver
    }
}

impl<const LIMIT: usize> std::fmt::Debug for Upload<LIMIT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("received", &self.received).finish_non_exhaustive()
    }
}

impl<const LIMIT: usize> FromRequest for Upload<LIMIT> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        use actix_web::HttpMessage;
        let taken = uncompressed(request).and_then(|()| declared_length(request, LIMIT));
        ready(taken.map(|()| Self {
            payload: payload.take(),
            content_type: request.content_type().to_ascii_lowercase(),
            received: 0,
            deadline: tokio::time::Instant::now() + WHOLE,
        }))
    }
}

impl<const LIMIT: usize> OperationInput for Upload<LIMIT> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let body = RequestBody {
            description: Some(format!("A file, at most {LIMIT} bytes, read as it arrives.")),
            content: ["application/x-ndjson", "text/csv"].map(|name| (name.to_owned(), file())).into_iter().collect(),
            required: true,
            ..RequestBody::default()
        };
        set_body(ctx, operation, body);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![
            refusal(ctx, problems::REQUEST_TIMEOUT),
            refusal(ctx, problems::BODY_TOO_LARGE),
            refusal(ctx, problems::UNSUPPORTED_MEDIA_TYPE),
        ]
    }
}
