//! Server-sent events: what happens to one thing, as it happens (`text/event-stream`, as browsers read it).
//! The rule: an event's id is the version that it led to, so a client that lost its connection says which event it had
//! last and misses none. While nothing happens, a comment every 15 seconds shows that the stream lives. A stop of the
//! server ends every stream.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, Responder};
use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation, Response};
use bytes::Bytes;
use futures::stream::{self, LocalBoxStream};
use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::documents::{add_header, json_reply};
use crate::extracted::extracted;
use crate::headers::{malformed, single};
use crate::problem::Problem;

/// The media type.
pub const MEDIA_TYPE: &str = "text/event-stream";
/// A stream that says nothing else says at least so often that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a comment looks like to a client: nothing.
const COMMENT: &[u8] = b":\n\n";
/// A client that lost its connection comes back after so many milliseconds.
const BEGINNING: &[u8] = b"retry: 2000\n\n";

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<T> {
    /// The version that it led to, more than that of the event before.
    pub id: i64,
    /// What kind of event it is.
    pub name: &'static str,
    /// What it says.
    pub data: T,
}

/// 200 with a stream of events, or 204 when there is nothing more to come: a client that reads such streams does not come
/// back after that.
pub struct Events<T>(Option<LocalBoxStream<'static, Event<T>>>);

impl<T> Events<T> {
    /// Each event is sent as it comes.
    pub fn new(events: impl Stream<Item = Event<T>> + 'static) -> Self {
        Self(Some(events.boxed_local()))
    }

    /// The client has everything that will ever happen.
    #[must_use]
    pub fn over() -> Self {
        Self(None)
    }
}

impl<T> std::fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Events").field(&self.0.is_some()).finish()
    }
}

fn frame<T: Serialize>(event: &Event<T>) -> Option<Bytes> {
    match serde_json::to_string(&event.data) {
        // JSON is written on one line, so it is one line of data.
        Ok(data) => Some(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.id, event.name).into()),
        Err(error) => {
            tracing::error!(%error, "an event of the stream cannot be written as JSON, so the stream ends");
            None
        }
    }
}

fn frames<T: Serialize + 'static>(
    events: LocalBoxStream<'static, Event<T>>,
    stopping: CancellationToken,
    heartbeat: Duration,
) -> impl Stream<Item = Bytes> {
    let happening = stream::unfold((events, stopping), move |(mut events, stopping)| async move {
        let piece = tokio::select! {
            biased;
            () = stopping.cancelled() => None,
            event = events.next() => event.as_ref().and_then(frame),
            () = tokio::time::sleep(heartbeat) => Some(Bytes::from_static(COMMENT)),
        };
        piece.map(|piece| (piece, (events, stopping)))
    });
    stream::once(std::future::ready(Bytes::from_static(BEGINNING))).chain(happening)
}

impl<T: Serialize + 'static> Responder for Events<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Some(events) = self.0 else { return HttpResponse::NoContent().finish() };
        let stopping = match App::of(request) {
            Ok(app) => app.stopping().clone(),
            Err(problem) => return HttpResponse::from_error(problem),
        };
        let mut reply = HttpResponse::Ok();
        reply.content_type(MEDIA_TYPE).insert_header((header::CACHE_CONTROL, "no-store"));
        // Some proxies in front of a gateway collect an answer before they pass it on, unless this says not to.
        reply.insert_header(("x-accel-buffering", "no"));
        if request.method() == Method::HEAD {
            return reply.finish();
        }
        reply.streaming(frames(events, stopping, HEARTBEAT).map(Ok::<_, Infallible>))
    }
}

impl<T: JsonSchema> OperationOutput for Events<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _operation: &mut Operation) -> Option<Response> {
        let description = "A stream of events: `id` is the version, `data` is this as JSON. A comment every 15 seconds \
            while nothing happens.";
        Some(json_reply::<T>(ctx, description, MEDIA_TYPE))
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, Response)> {
        let over = Response {
            description: "Nothing more will happen, and the client has it all.".to_owned(),
            ..Response::default()
        };
        let stream = Self::operation_response(ctx, operation).map(|it| (Some(openapi::StatusCode::Code(200)), it));
        stream.into_iter().chain([(Some(openapi::StatusCode::Code(204)), over)]).collect()
    }
}

/// `Last-Event-ID`: the event that the client had last; `None` for a client that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEventId(Option<i64>);

impl LastEventId {
    /// The version that the event led to.
    #[must_use]
    pub fn version(self) -> Option<i64> {
        self.0
    }
}

extracted!([] LastEventId, |request| last_event_id(request));

fn last_event_id(request: &HttpRequest) -> Result<LastEventId, Problem> {
    let Some(id) = single(request, "last-event-id")?.filter(|id| !id.is_empty()) else { return Ok(LastEventId(None)) };
    let version = id.parse().ok().filter(|version: &i64| *version > 0);
    version.map(|version| LastEventId(Some(version))).ok_or_else(|| malformed("Last-Event-ID", "is no id of an event"))
}

impl OperationInput for LastEventId {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description = "The `id` of the last event that the client has; the stream goes on behind it.";
        add_header(ctx, operation, "Last-Event-ID", description, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(piece: Option<Bytes>) -> Option<String> {
        piece.map(|piece| String::from_utf8_lossy(&piece).into_owned())
    }

    #[tokio::test]
    async fn events_are_framed_as_they_come_and_a_comment_fills_the_silence() {
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        let events = stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) });
        let mut frames =
            std::pin::pin!(frames(events.boxed_local(), CancellationToken::new(), Duration::from_millis(5)));
        assert_eq!(text(frames.next().await).as_deref(), Some("retry: 2000\n\n"));
        assert_eq!(text(frames.next().await).as_deref(), Some(":\n\n"));
        tell.send(Event { id: 3, name: "transition", data: "two\nlines" }).unwrap();
        let said = "id: 3\nevent: transition\ndata: \"two\\nlines\"\n\n";
        assert_eq!(text(frames.next().await).as_deref(), Some(said));
        assert_eq!(text(frames.next().await).as_deref(), Some(":\n\n"));
        drop(tell);
        assert_eq!(frames.next().await, None);
    }

    #[tokio::test]
    async fn a_stop_ends_a_stream_that_has_nothing_to_say() {
        let stopping = CancellationToken::new();
        let silent = stream::pending::<Event<()>>().boxed_local();
        let mut frames = std::pin::pin!(frames(silent, stopping.clone(), HEARTBEAT));
        assert!(frames.next().await.is_some());
        stopping.cancel();
        assert_eq!(frames.next().await, None);
    }
}
