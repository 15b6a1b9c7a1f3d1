//! An answer: its head as the client gets it, and its body as it comes.
//!
//! The rule it keeps: hop-by-hop headers end here, an answer that is ambiguous about its own length is refused, and a
//! connection is used again only when the previous answer was read to its last byte.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use hyper::body::Body;
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use thiserror::Error;

use super::connection::Connection;
use super::pool::Pool;
use crate::headers;

/// The head of an answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers that go on to the client.
    pub headers: HeaderMap,
    /// The length that the service declared, also where no body follows (HEAD, 304).
    pub length: Option<u64>,
}

/// The bytes are not an HTTP/1 answer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the service's answer cannot be read as HTTP/1.1: {0}; see the service's log for this request id")]
pub struct Unreadable(pub String);

impl Answer {
    /// Reads the head of a service's answer.
    pub(super) fn of(status: hyper::StatusCode, received: &hyper::HeaderMap) -> Result<Answer, Unreadable> {
        let unreadable = |what: &str| Err(Unreadable(what.to_owned()));
        let Some(status) = StatusCode::from_u16(status.as_u16()).ok().filter(|status| !status.is_informational())
        else {
            return unreadable("it switches to a protocol that was not asked for");
        };
        let mut codings = received.get_all(TRANSFER_ENCODING).iter();
        if let Some(coding) = codings.next() {
            if codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return unreadable("its Transfer-Encoding is not plain chunked");
            }
            if received.contains_key(CONTENT_LENGTH) {
                return unreadable("it states a length and chunks");
            }
        }
        let length = received.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());

        let mut hop_by_hop = headers::HopByHop::default();
        for value in received.get_all(CONNECTION) {
            hop_by_hop.add(value.as_bytes());
        }
        let mut kept = HeaderMap::with_capacity(received.len() + 4);
        for (name, value) in received {
            let name = name.as_str();
            if headers::passes_to_client(name) && !hop_by_hop.contains(name) {
                // Server and client use different major versions of the same types, with the same rules.
                let name = HeaderName::from_bytes(name.as_bytes());
                let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) else {
                    return unreadable("a header has forbidden bytes");
                };
                kept.append(name, value);
            }
        }
        Ok(Answer { status, headers: kept, length })
    }
}

/// Why a body ended early.
#[derive(Debug, Error)]
pub enum Cut {
    /// The connection failed, the bytes do not follow the announced framing, or the client stopped sending its own
    /// body.
    #[error("the service's answer broke off in the middle: {0}")]
    Broken(#[from] hyper::Error),
    /// Nothing came for too long.
    #[error("the service sent nothing of its answer for {0} seconds")]
    Stalled(u64),
    /// More came than is read at once.
    #[error("the service's answer is longer than {0} bytes")]
    TooLong(usize),
}

/// The rest of an exchange: the answer's body. Dropping it closes the connection.
pub struct Exchange {
    body: hyper::body::Incoming,
    /// `None` once the body is complete.
    connection: Option<Connection>,
    home: Rc<Pool>,
    /// A first piece that [`Exchange::whole_body`] took without its being the whole.
    early: Option<Result<Bytes, Cut>>,
}

impl Exchange {
    pub(super) fn new(body: hyper::body::Incoming, connection: Connection, home: Rc<Pool>) -> Exchange {
        Exchange { body, connection: Some(connection), home, early: None }
    }

    /// The whole body, if it has arrived together with the head. This is the usual case, and saves a turn of the event
    /// loop.
    pub fn whole_body(&mut self) -> Option<Bytes> {
        match self.poll_body(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(None) => Some(Bytes::new()),
            Poll::Ready(Some(Ok(piece))) if self.connection.is_none() => Some(piece),
            Poll::Ready(early) => {
                self.early = early;
                None
            }
            Poll::Pending => None,
        }
    }

    /// The next piece of the body; `None` at its end, when the connection has gone back to the pool.
    pub fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if self.early.is_some() {
            return Poll::Ready(self.early.take());
        }
        while self.connection.is_some() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // A frame without data holds trailers, which end here.
                    if let Ok(piece) = frame.into_data() {
                        if self.body.is_end_stream() {
                            self.release();
                        }
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Some(Err(error)) => {
                    self.connection = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => self.release(),
            }
        }
        Poll::Ready(None)
    }

    /// The whole body, which may have so many bytes at most.
    ///
    /// # Errors
    /// [`Cut`] when it breaks off or is longer.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Cut> {
        let mut body = BytesMut::new();
        while let Some(piece) = poll_fn(|context| self.poll_body(context)).await {
            body.extend_from_slice(&piece?);
            if body.len() > limit {
                return Err(Cut::TooLong(limit));
            }
        }
        Ok(body.freeze())
    }

    fn release(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.home.put(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, pairs: &[(&'static str, &'static str)]) -> Result<Answer, Unreadable> {
        let mut headers = hyper::HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        Answer::of(hyper::StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn hop_by_hop_headers_and_what_connection_names_end_here() {
        let answer = answer(
            200,
            &[
                ("connection", "keep-alive, X-Secret"),
                ("x-secret", "1"),
                ("keep-alive", "5"),
                ("x-internal-node", "7"),
                ("content-type", "text/plain"),
                ("x-empty", ""),
                ("set-cookie", "a"),
                ("set-cookie", "b"),
                ("content-length", "2"),
            ],
        )
        .unwrap();
        let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "set-cookie", "set-cookie", "x-empty"]);
        assert_eq!(answer.length, Some(2));
    }

    #[test]
    fn an_answer_that_is_ambiguous_about_its_length_is_refused() {
        let chunked = ("transfer-encoding", "chunked");
        for headers in [
            &[("content-length", "2"), chunked][..],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "gzip")],
            &[chunked, chunked],
        ] {
            assert!(answer(200, headers).is_err(), "{headers:?}");
        }
        assert!(answer(101, &[]).is_err());
        assert!(answer(200, &[chunked]).is_ok());
    }
}
