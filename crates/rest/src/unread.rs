//! A request's body as its connection sees it: read to the end, left over, or broken.
//! The rule: a body that was not read to its end ends its connection, so that what is left of it is neither awaited nor
//! taken for the next request. A broken one is answered 400.
//!
//! The server library reads a chunked body that nobody holds to its end, however long that is, and can miss that it
//! was dropped. One that is still held makes it say `Connection: close` and close. So the connection holds it. For the
//! library a body whose chunks cannot be read is a client that has gone: it drops the request and the connection. So
//! the connection gives the answer that is still missing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_http::BoxedPayloadStream;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures::Stream;

/// How far a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There may be more.
    Open,
    /// To its end.
    Ended,
    /// Up to where it cannot be read.
    Broken,
}

/// A body that its reader and its connection hold together.
#[derive(Clone)]
struct Held(Rc<Content>);

struct Content {
    payload: RefCell<Payload>,
    progress: Cell<Progress>,
    /// What was taken out to see what comes behind it.
    ahead: RefCell<VecDeque<Bytes>>,
}

impl Content {
    fn poll_payload(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        // The payload itself reports a fault only once.
        if self.progress.get() == Progress::Broken {
            return Poll::Ready(Some(Err(PayloadError::EncodingCorrupted)));
        }
        let piece = Pin::new(&mut *self.payload.borrow_mut()).poll_next(context);
        match piece {
            Poll::Ready(None) => self.progress.set(Progress::Ended),
            Poll::Ready(Some(Err(_))) => self.progress.set(Progress::Broken),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        piece
    }

    /// What is known behind everything that has arrived, which stays there for its reader.
    fn look_ahead(&self) -> Progress {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(piece))) = self.poll_payload(&mut context) {
            self.ahead.borrow_mut().push_back(piece);
        }
        self.progress.get()
    }
}

impl Stream for Held {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(piece) = self.0.ahead.borrow_mut().pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        self.0.poll_payload(context)
    }
}

/// A connection's place for the body of its current request.
#[derive(Clone, Default)]
pub(crate) struct Unread(Rc<Place>);

#[derive(Default)]
struct Place {
    held: RefCell<Option<Held>>,
    /// Whether something of the answer to the request with this body was written.
    answered: Cell<bool>,
}

impl Unread {
    /// Holds the body and returns what its reader reads.
    fn hold(&self, payload: Payload) -> Payload {
        let content =
            Content { payload: RefCell::new(payload), progress: Cell::new(Progress::Open), ahead: RefCell::default() };
        let held = Held(Rc::new(content));
        let reader: BoxedPayloadStream = Box::pin(held.clone());
        self.0.held.replace(Some(held));
        self.0.answered.set(false);
        Payload::from(reader)
    }

    /// To be called when a part of the answer is written.
    pub(crate) fn note_answer(&self) {
        self.0.answered.set(true);
    }

    /// Whether a part of the answer was written.
    pub(crate) fn is_answered(&self) -> bool {
        self.0.answered.get()
    }

    /// How far the last body came, at the end of the connection.
    pub(crate) fn progress(&self) -> Progress {
        self.0.held.borrow().as_ref().map_or(Progress::Ended, |held| held.0.look_ahead())
    }

    /// Lets go of a body of which nothing is left. What has arrived and nobody wants is thrown away, so that a short
    /// body does not cost the client its connection.
    fn let_go(&self) -> Progress {
        let mut place = self.0.held.borrow_mut();
        let progress = match &*place {
            None => Progress::Ended,
            // Somebody still reads it, such as an upload whose results stream back meanwhile.
            Some(held) if Rc::strong_count(&held.0) > 1 => held.0.progress.get(),
            Some(held) => held.0.look_ahead(),
        };
        if progress == Progress::Ended {
            *place = None;
        }
        progress
    }
}

/// The body of one request, from its head to its answer.
pub struct RequestBody(Option<Unread>);

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RequestBody").field(&self.0.is_some()).finish()
    }
}

impl RequestBody {
    /// Takes the body of a request on this connection, and returns what its reader reads instead.
    pub(crate) fn hold(payload: Payload, connection: Option<&Unread>) -> (RequestBody, Payload) {
        match connection {
            Some(connection) if !matches!(payload, Payload::None) => {
                let reader = connection.hold(payload);
                (RequestBody(Some(connection.clone())), reader)
            }
            _ => (RequestBody(None), payload),
        }
    }

    /// The body of a request whose handler takes the payload itself: hand `payload` in, and read what is returned.
    #[must_use]
    pub fn of(request: &HttpRequest, payload: Payload) -> (RequestBody, Payload) {
        RequestBody::hold(payload, request.conn_data::<Unread>())
    }

    /// To be called when the answer is there and before it is returned to the server.
    pub async fn answered(self) {
        let Some(connection) = self.0 else { return };
        if connection.let_go() == Progress::Open {
            // A handler may answer before the server has looked at the bytes that came together with the head.
            tokio::task::yield_now().await;
            connection.let_go();
        }
    }
}
