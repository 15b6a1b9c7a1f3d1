//! What handlers reply with: the status and the entry in the document come from the type.
//! The rule: JSON in UTF-8; a reply that a client may change carries its `ETag`.

use std::marker::PhantomData;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder};
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::documents::json_reply;
use crate::if_match::{etag, etag_shown, fingerprint};
use crate::problem::Problem;

/// 200 with JSON. Write it `rest::Ok`: imported it would shadow the prelude's.
#[derive(Clone, Debug)]
pub struct Ok<T>(pub T);

/// The reply of [`crate::App::create`]: recorded with its effect, so a repeat gets the same bytes.
#[derive(Clone, Debug)]
pub struct Recorded<T, const STATUS: u16 = 201> {
    body: Vec<u8>,
    reply: Option<T>,
    location: Option<String>,
    replayed: bool,
}

impl<T: DeserializeOwned, const STATUS: u16> Recorded<T, STATUS> {
    /// From what the mediator recorded.
    #[must_use]
    pub fn new(recorded: mediator::Recorded<T>, location: impl FnOnce(&T) -> String) -> Self {
        let mediator::Recorded { body, reply } = recorded;
        let replayed = reply.is_none();
        let reply = reply.or_else(|| match serde_json::from_slice(&body) {
            Result::Ok(reply) => Some(reply),
            Err(error) => {
                // An earlier release recorded it in another form. Its bytes are still the answer.
                tracing::warn!(%error, "a recorded reply cannot be read, so it is repeated without its Location");
                None
            }
        });
        let location = reply.as_ref().map(location);
        Self { body, reply, location, replayed }
    }
}

impl<T, const STATUS: u16> Recorded<T, STATUS> {
    /// The reply itself; none when an earlier release recorded it in another form.
    #[must_use]
    pub fn reply(&self) -> Option<&T> {
        self.reply.as_ref()
    }

    /// The same reply with another status.
    #[must_use]
    pub(crate) fn with_status<const OTHER: u16>(self) -> Recorded<T, OTHER> {
        let Self { body, reply, location, replayed } = self;
        Recorded { body, reply, location, replayed }
    }

    /// Whether the request was answered before, and this is what it was answered then.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }

    /// The reply with what must not be recorded: a secret that the client is shown and that can be derived again for a
    /// repeat.
    ///
    /// # Errors
    /// When an earlier release recorded the reply in another form.
    pub fn revealing<U: Serialize>(self, reveal: impl FnOnce(T) -> U) -> Result<Recorded<U, STATUS>, Problem> {
        let recorded = self.reply.ok_or_else(|| Problem::internal("the recorded reply cannot be read any more"))?;
        let reply = reveal(recorded);
        let body = serde_json::to_vec(&reply).map_err(Problem::internal)?;
        Result::Ok(Recorded { body, reply: Some(reply), location: self.location, replayed: self.replayed })
    }
}

/// 201 with JSON and `Location`: what was asked for is there. It is not recorded: a repeat may find it changed.
#[derive(Clone, Debug)]
pub struct Created<T> {
    reply: T,
    location: Option<String>,
}

impl<T> Created<T> {
    /// In the place of a recorded reply, since more is known by now.
    #[must_use]
    pub fn instead_of<const STATUS: u16>(recorded: &Recorded<T, STATUS>, reply: T) -> Self {
        Self { reply, location: recorded.location.clone() }
    }
}

/// 200 with a value that is already JSON, such as from a cache.
#[derive(Clone, Debug)]
pub struct Serialised<T> {
    json: Bytes,
    value: PhantomData<fn() -> T>,
}

impl<T> Serialised<T> {
    /// `json` is a `T` as JSON.
    #[must_use]
    pub fn new(json: Bytes) -> Self {
        Self { json, value: PhantomData }
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// When it has no JSON form, which is a defect.
    pub fn of(value: &T) -> Result<Self, Problem>
    where
        T: Serialize,
    {
        serde_json::to_vec(value).map(|json| Self::new(json.into())).map_err(Problem::internal)
    }
}

/// Any reply with an `ETag`. The door answers 304 to a GET whose `If-None-Match` names it.
#[derive(Clone, Debug)]
pub struct Tagged<R> {
    etag: String,
    reply: R,
}

impl<R> Tagged<R> {
    /// Tagged with the resource's version, which [`crate::IfMatch`] reads again.
    #[must_use]
    pub fn version(version: i64, reply: R) -> Self {
        Self { etag: etag(version), reply }
    }
}

impl<T: Serialize> Tagged<Serialised<T>> {
    /// Tagged with the resource's version and with what else is shown of it, such as counts that change while the version does
    /// not. [`crate::IfMatch`] reads the version again.
    ///
    /// # Errors
    /// When the value has no JSON form, which is a defect.
    pub fn shown(version: i64, value: &T) -> Result<Self, Problem> {
        let reply = Serialised::of(value)?;
        Result::Ok(Self { etag: etag_shown(version, &fingerprint(&reply.json)), reply })
    }
}

/// 200 with JSON that has no version of its own, such as a list, or that shows more than a version counts: its `ETag` is its
/// fingerprint. Whoever keeps it asks each time whether it still holds.
#[derive(Clone, Debug)]
pub struct Fingerprinted<T> {
    reply: Serialised<T>,
    kept_by: &'static str,
}

/// Caches on the way may keep it, and ask each time before they show it.
const KEPT_BY_ALL: &str = "public, no-cache";

impl<T> Fingerprinted<T> {
    /// What everybody may see and is already JSON, such as from a cache.
    #[must_use]
    pub fn public_json(json: Bytes) -> Self {
        Self { reply: Serialised::new(json), kept_by: KEPT_BY_ALL }
    }
}

impl<T: Serialize> Fingerprinted<T> {
    /// What everybody may see: caches on the way may keep it.
    ///
    /// # Errors
    /// When the value has no JSON form, which is a defect.
    pub fn public(value: &T) -> Result<Self, Problem> {
        Result::Ok(Self { reply: Serialised::of(value)?, kept_by: KEPT_BY_ALL })
    }

    /// What one caller may see: only they may keep it.
    ///
    /// # Errors
    /// When the value has no JSON form, which is a defect.
    pub fn private(value: &T) -> Result<Self, Problem> {
        Result::Ok(Self { reply: Serialised::of(value)?, kept_by: "private, no-cache" })
    }
}

/// Any reply that may say where what it tells of is found (`Location`).
#[derive(Clone, Debug)]
pub struct Located<R> {
    reply: R,
    location: Option<String>,
}

impl<R> Located<R> {
    /// With the place, where there is one.
    #[must_use]
    pub fn new(location: Option<String>, reply: R) -> Self {
        Self { reply, location }
    }
}

/// The reply of an address whose last segment is a name that may change: what is there, or 308 to the name that it has now.
/// Whoever keeps a 308 asks each time whether it still holds, since another thing may take the former name.
#[derive(Clone, Debug)]
pub enum Addressed<R> {
    /// What was asked for.
    Here(R),
    /// It has another name now: the last segment of its address, as it stands there.
    Moved(String),
}

/// 200 with one JSON value per line (NDJSON), streamed.
pub struct Lines<T> {
    lines: futures::stream::LocalBoxStream<'static, Bytes>,
    item: PhantomData<fn() -> T>,
}

impl<T: Serialize + 'static> Lines<T> {
    /// Each item becomes a line as it comes.
    pub fn new(items: impl Stream<Item = T> + 'static) -> Self {
        let lines = items.filter_map(|item| async move {
            match serde_json::to_vec(&item) {
                Result::Ok(mut line) => {
                    line.push(b'\n');
                    Some(Bytes::from(line))
                }
                Err(error) => {
                    tracing::error!(%error, "a line of the reply cannot be written as JSON and is left out");
                    None
                }
            }
        });
        Self { lines: lines.boxed_local(), item: PhantomData }
    }
}

impl<T> std::fmt::Debug for Lines<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// What is said to one caller is kept by nobody on the way: it may be a token (RFC 6749, section 5.1) or a customer's order.
const UNSTORED: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Result::Ok(body) => {
            HttpResponse::build(status).content_type("application/json").insert_header(UNSTORED).body(body)
        }
        Err(error) => HttpResponse::from_error(Problem::internal(error)),
    }
}

impl<T: Serialize> Responder for Ok<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        located(json(StatusCode::CREATED, &self.reply), self.location.as_deref())
    }
}

impl<T, const STATUS: u16> Responder for Recorded<T, STATUS> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        response.content_type("application/json").insert_header(UNSTORED);
        if self.replayed {
            response.insert_header(("idempotency-replayed", "true"));
        }
        located(response.body(self.body), self.location.as_deref())
    }
}

impl<T> Responder for Serialised<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type("application/json").body(self.json)
    }
}

impl<T> Responder for Fingerprinted<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let tag = format!("\"{}\"", fingerprint(&self.reply.json));
        let mut response = self.reply.respond_to(request);
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static(self.kept_by));
        if let Result::Ok(value) = header::HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

impl<R: Responder<Body = BoxBody>> Responder for Tagged<R> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = self.reply.respond_to(request);
        // Whoever has a tag keeps the reply, and asks whether it still holds.
        if response.headers().contains_key(header::CACHE_CONTROL) {
            response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("private, no-cache"));
        }
        if let Result::Ok(value) = header::HeaderValue::from_str(&self.etag) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

impl<R: Responder<Body = BoxBody>> Responder for Located<R> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        located(self.reply.respond_to(request), self.location.as_deref())
    }
}

impl<R: Responder<Body = BoxBody>> Responder for Addressed<R> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Here(reply) => reply.respond_to(request),
            Self::Moved(name) => {
                let uri = request.uri();
                let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                let mut response = HttpResponse::PermanentRedirect();
                response.insert_header((header::CACHE_CONTROL, KEPT_BY_ALL));
                located(response.finish(), Some(&format!("{folder}/{name}{query}")))
            }
        }
    }
}

impl<T: 'static> Responder for Lines<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .content_type("application/x-ndjson")
            .streaming(self.lines.map(Result::<Bytes, std::convert::Infallible>::Ok))
    }
}

fn located(mut response: HttpResponse, location: Option<&str>) -> HttpResponse {
    if let Some(value) = location.and_then(|location| header::HeaderValue::from_str(location).ok()) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Documents a reply type: its status and how its response is described.
macro_rules! documented_reply {
    ([$($generics:tt)*] $reply:ty, $inner:ty, $status:expr, |$ctx:ident| $response:expr) => {
        impl<$($generics)*> OperationOutput for $reply {
            type Inner = $inner;

            fn operation_response($ctx: &mut GenContext, _operation: &mut Operation) -> Option<Response> {
                Some($response)
            }

            fn inferred_responses(
                ctx: &mut GenContext,
                operation: &mut Operation,
            ) -> Vec<(Option<openapi::StatusCode>, Response)> {
                Self::operation_response(ctx, operation)
                    .map(|response| (Some(openapi::StatusCode::Code($status)), response))
                    .into_iter()
                    .collect()
            }
        }
    };
}

const JSON: &str = "application/json";

documented_reply!([T: JsonSchema] Ok<T>, T, 200, |ctx| json_reply::<T>(ctx, "The result.", JSON));
documented_reply!([T: JsonSchema, const STATUS: u16] Recorded<T, STATUS>, T, STATUS, |ctx| json_reply::<T>(
    ctx,
    "Done once; a repeat with the same Idempotency-Key gets the same bytes.",
    JSON
));
documented_reply!([T: JsonSchema] Created<T>, T, 201, |ctx| json_reply::<T>(
    ctx,
    "The outcome came while the client waited.",
    JSON
));
documented_reply!([T: JsonSchema] Serialised<T>, T, 200, |ctx| json_reply::<T>(ctx, "The result.", JSON));
documented_reply!([T: JsonSchema] Fingerprinted<T>, T, 200, |ctx| json_reply::<T>(
    ctx,
    "The result. The ETag is of these bytes.",
    JSON
));
documented_reply!([T: JsonSchema] Lines<T>, T, 200, |ctx| json_reply::<T>(
    ctx,
    "One JSON value per line.",
    "application/x-ndjson"
));

impl<R: OperationOutput> OperationOutput for Tagged<R> {
    type Inner = R::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        let mut response = R::operation_response(ctx, operation)?;
        response.description.push_str(" The ETag is the version.");
        Some(response)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, Response)> {
        let mut responses = R::inferred_responses(ctx, operation);
        for (_, response) in &mut responses {
            response.description.push_str(" The ETag is the version.");
        }
        responses
    }
}

impl<R: OperationOutput> OperationOutput for Located<R> {
    type Inner = R::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        R::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, Response)> {
        R::inferred_responses(ctx, operation)
    }
}

impl<R: OperationOutput> OperationOutput for Addressed<R> {
    type Inner = R::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        R::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, Response)> {
        let moved = Response {
            description: "It has another name now; `Location` is its address with that name.".to_owned(),
            ..Response::default()
        };
        let mut responses = R::inferred_responses(ctx, operation);
        responses.push((Some(openapi::StatusCode::Code(308)), moved));
        responses
    }
}
