//! A JSON body: read within limits, parsed, validated.
//! The rule: size, depth and time are bounded before anything is built from the bytes, and every
//! faulty field is reported.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, RequestBody, Response, StatusCode};
use aide::operation::set_body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use garde::Validate;
use kernel::ByName;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::documents::{media, refusal};
use crate::faults::in_plain_words;
use crate::problem::{FieldFault, Problem};
use crate::problems;

/// How long the whole body may take.
const TIME: Duration = Duration::from_secs(10);
/// How deeply arrays and objects may be nested.
const DEPTH: usize = 32;

/// A JSON body of at most `LIMIT` bytes that passed its garde rules.
#[derive(Clone, Debug)]
pub struct Body<T, const LIMIT: usize = 65_536>(pub T);

impl<T, const LIMIT: usize> FromRequest for Body<T, LIMIT>
where
    T: DeserializeOwned + Validate<Context = ()> + JsonSchema + 'static,
{
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_type(request, &["application/json"]).and_then(|_type| declared_length(request, LIMIT));
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let bytes = read(payload, LIMIT).await?;
            let value: T = parse(&bytes)?;
            value.validate().map_err(|report| {
                Problem::invalid(
                    report
                        .iter()
                        .take(crate::shape::MOST)
                        .map(|(path, error)| FieldFault {
                            field: path.to_string(),
                            reason: in_plain_words(error.message()),
                        })
                        .collect(),
                )
            })?;
            Ok(Body(value))
        })
    }
}

/// The content type without its parameters, if it is one of `accepted`.
fn check_type(request: &HttpRequest, accepted: &[&str]) -> Result<String, Problem> {
    use actix_web::HttpMessage;
    let refused = |what: &str| {
        Problem::new(problems::UNSUPPORTED_MEDIA_TYPE)
            .detail(format!("{what} Send {}.", accepted.join(" or ")))
            .member("accepted", accepted)
    };
    uncompressed(request)?;
    let found = request.content_type().to_ascii_lowercase();
    if accepted.contains(&found.as_str()) {
        Ok(found)
    } else if found.is_empty() {
        Err(refused("There is no Content-Type."))
    } else {
        Err(refused("The Content-Type is not taken here."))
    }
}

/// Refuses a body that would have to be decompressed first. `Accept-Encoding` says what is taken (RFC 9110, 12.5.3).
pub(crate) fn uncompressed(request: &HttpRequest) -> Result<(), Problem> {
    let mut codings = request.headers().get_all("content-encoding");
    if codings.all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    Err(Problem::new(problems::UNSUPPORTED_MEDIA_TYPE)
        .detail("Compressed bodies are not taken. Send the body as it is, without Content-Encoding.")
        .header("accept-encoding", "identity"))
}

pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(problems::BODY_TOO_LARGE)
        .detail(format!("This route takes at most {limit} bytes."))
        .member("limit_bytes", limit)
}

/// Refuses a body whose declared length is too large, before a byte is read.
pub(crate) fn declared_length(request: &HttpRequest, limit: usize) -> Result<(), Problem> {
    let declared = request
        .headers()
        .get("content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

async fn read(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(broken)?;
            if body.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(TIME, reading).await.unwrap_or_else(|_elapsed| {
        Err(Problem::new(problems::REQUEST_TIMEOUT)
            .detail(format!("The body did not arrive within {} seconds.", TIME.as_secs())))
    })
}

pub(crate) fn broken(error: actix_web::error::PayloadError) -> Problem {
    Problem::new(problems::MALFORMED_REQUEST).detail("The body broke off.").cause(error)
}

fn parse<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::new(problems::MALFORMED_BODY).detail("The body is empty."));
    }
    if deeper_than(bytes, DEPTH) {
        return Err(Problem::new(problems::MALFORMED_BODY)
            .detail(format!("Arrays and objects are nested more than {DEPTH} deep.")));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(ByName(&mut deserializer)).map_err(|fault| {
        let path = fault.path().to_string();
        let error = fault.into_inner();
        if error.is_data() {
            crate::shape::faults::<T>(bytes, &path, &reason(&error))
        } else {
            Problem::new(problems::MALFORMED_BODY).detail(format!("The body is not JSON: {error}."))
        }
    })?;
    deserializer
        .end()
        .map_err(|error| Problem::new(problems::MALFORMED_BODY).detail(format!("The body is not JSON: {error}.")))?;
    Ok(value)
}

/// serde's message without its position: the field's path says where.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(position) => message[..position].to_owned(),
        None => message,
    }
}

/// Whether brackets outside strings nest deeper than `limit`; other faults of the JSON are found by the
/// parser afterwards.
fn deeper_than(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

impl<T: JsonSchema, const LIMIT: usize> OperationInput for Body<T, LIMIT> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let body = RequestBody {
            description: Some(format!("At most {LIMIT} bytes.")),
            content: [("application/json".to_owned(), media::<T>(ctx))].into_iter().collect(),
            required: true,
            ..RequestBody::default()
        };
        set_body(ctx, operation, body);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![
            refusal(ctx, problems::MALFORMED_BODY),
            refusal(ctx, problems::REQUEST_TIMEOUT),
            refusal(ctx, problems::BODY_TOO_LARGE),
            refusal(ctx, problems::UNSUPPORTED_MEDIA_TYPE),
            refusal(ctx, problems::INVALID_REQUEST),
        ]
    }
}
