//! One request and its answer over one connection, both directions at once.
//!
//! The rule it keeps: sending never waits for receiving nor the other way round. A streamed import whose results come
//! back while rows still go out would stop for ever otherwise.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures::Stream;
use thiserror::Error;

use super::answer::{self, Answer, Unreadable};
use super::connection::Connection;
use super::framing::{Framing, Malformed, Step};
use super::pool::Pool;
use crate::body::UploadError;

/// Bytes waiting to be sent above which no more are taken from the client.
const SEND_BUFFER: usize = 64 * 1024;

/// The client's body while it is passed on piece by piece.
pub type Source = Pin<Box<dyn Stream<Item = Result<Bytes, UploadError>>>>;

/// What is still to be taken from the client.
pub struct Upload {
    /// The pieces.
    pub source: Source,
    /// Each piece is wrapped as a chunk, because the length was not stated.
    pub chunked: bool,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Failure {
    /// The connection ended before an answer.
    #[error("the connection to the service broke before it answered: {cause}")]
    Broken {
        /// What the system said.
        cause: io::Error,
        /// The connection had been idle in the pool: the service may simply have closed it.
        reused: bool,
    },
    /// It answered something else than HTTP.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The client's own body failed.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

/// Why a body ended early.
#[derive(Debug, Error)]
pub enum Cut {
    /// The connection failed.
    #[error("the connection to the service broke in the middle of its answer: {0}")]
    Connection(#[from] io::Error),
    /// The bytes do not follow the announced framing.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The client stopped sending its own body.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Nothing came for too long.
    #[error("the service sent nothing of its answer for {0} seconds")]
    Stalled(u64),
}

/// An exchange under way.
pub struct Exchange {
    connection: Option<Connection>,
    home: Rc<Pool>,
    upload: Option<Upload>,
    framing: Framing,
    keeps_open: bool,
    ended: bool,
    send_failed: bool,
    pieces: u64,
}

impl Exchange {
    /// Starts on a connection whose outgoing buffer already holds the head (and a small body).
    pub(super) fn new(connection: Connection, home: Rc<Pool>, upload: Option<Upload>) -> Exchange {
        Exchange {
            connection: Some(connection),
            home,
            upload,
            framing: Framing::Finished,
            keeps_open: false,
            ended: false,
            send_failed: false,
            pieces: 0,
        }
    }

    /// Sends the request and reads the head of the answer.
    pub(super) async fn head(&mut self, to_head_request: bool) -> Result<Answer, Failure> {
        poll_fn(|context| self.poll_head(context, to_head_request)).await
    }

    /// The same while a body is streamed; `None` when for `limit` neither side moved.
    pub(super) async fn head_with_progress(
        &mut self,
        to_head_request: bool,
        limit: Duration,
    ) -> Option<Result<Answer, Failure>> {
        let mut before = self.pieces;
        loop {
            match tokio::time::timeout(limit, self.head(to_head_request)).await {
                Ok(answered) => return Some(answered),
                Err(_) if self.pieces != before => before = self.pieces,
                Err(_) => return None,
            }
        }
    }

    fn poll_head(&mut self, context: &mut Context<'_>, to_head_request: bool) -> Poll<Result<Answer, Failure>> {
        self.poll_upload(context)?;
        let Some(connection) = self.connection.as_mut() else {
            return Poll::Ready(Err(Unreadable("it was read already").into()));
        };
        loop {
            if !connection.incoming.is_empty()
                && let Some(answer) = answer::parse(&mut connection.incoming, to_head_request)?
            {
                self.framing = answer.framing.clone();
                self.keeps_open = answer.keeps_open;
                return Poll::Ready(Ok(answer));
            }
            let broken = match connection.poll_receive(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => io::ErrorKind::UnexpectedEof.into(),
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => error,
            };
            return Poll::Ready(Err(Failure::Broken { cause: broken, reused: connection.reused }));
        }
    }

    /// The whole body, when it has arrived together with the head: the usual case, without another turn of the loop.
    pub fn whole_body(&mut self) -> Option<Bytes> {
        let connection = self.connection.as_mut()?;
        match self.framing {
            Framing::Finished => {
                self.release();
                Some(Bytes::new())
            }
            Framing::Length(length) => {
                let length = usize::try_from(length).ok()?;
                if connection.incoming.len() < length {
                    return None;
                }
                let body = connection.incoming.split_to(length).freeze();
                self.framing = Framing::Finished;
                self.release();
                Some(body)
            }
            Framing::Chunked(_) | Framing::UntilClose => None,
        }
    }

    /// The next piece of the body; `None` at its end, when the connection has gone back to the pool.
    pub fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if self.connection.is_none() {
            return Poll::Ready(None);
        }
        if let Err(error) = self.poll_upload(context) {
            self.connection = None;
            return Poll::Ready(Some(Err(error.into())));
        }
        loop {
            let Some(connection) = self.connection.as_mut() else {
                return Poll::Ready(None);
            };
            match self.framing.step(&mut connection.incoming, self.ended) {
                Ok(Step::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Step::Done) => {
                    self.release();
                    return Poll::Ready(None);
                }
                Ok(Step::More) => match connection.poll_receive(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(0)) => self.ended = true,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => {
                        self.connection = None;
                        return Poll::Ready(Some(Err(error.into())));
                    }
                },
                Err(error) => {
                    self.connection = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }

    /// Moves what can be moved from the client to the service.
    ///
    /// A connection that no longer takes bytes only ends the sending: its answer (413, 401) may already be there.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Result<(), UploadError> {
        let Some(connection) = self.connection.as_mut() else {
            return Ok(());
        };
        loop {
            let sent = connection.poll_send(context);
            if let Poll::Ready(Err(_)) = sent {
                connection.outgoing.clear();
                self.send_failed = true;
                self.upload = None;
                return Ok(());
            }
            let Some(upload) = self.upload.as_mut() else {
                return Ok(());
            };
            if sent.is_pending() && connection.outgoing.len() >= SEND_BUFFER {
                return Ok(());
            }
            match upload.source.as_mut().poll_next(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {}
                Poll::Ready(Some(Ok(piece))) => {
                    self.pieces += 1;
                    let buffer = &mut connection.outgoing;
                    if upload.chunked {
                        buffer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                        buffer.put_slice(&piece);
                        buffer.put_slice(b"\r\n");
                    } else {
                        buffer.put_slice(&piece);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    // Half a body must never look like a whole one: the connection goes.
                    self.connection = None;
                    return Err(error);
                }
                Poll::Ready(None) => {
                    if upload.chunked {
                        connection.outgoing.put_slice(b"0\r\n\r\n");
                    }
                    self.upload = None;
                }
            }
        }
    }

    /// Gives the connection back when it can carry another exchange, and closes it otherwise.
    fn release(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let everything_sent = self.upload.is_none() && !self.send_failed && connection.outgoing.is_empty();
        if self.keeps_open && !self.ended && everything_sent && connection.incoming.is_empty() {
            self.home.put(connection);
        }
    }
}
