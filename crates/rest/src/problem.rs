//! The one form of every error reply: RFC 9457, `application/problem+json`.
//! The rule: what a client may read is in the problem; the cause stays beside it for the log.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use mediator::Class;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::problem_type::ProblemType;
use crate::problems;

/// One field that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldFault {
    /// Where: `lines[2].quantity`; empty for the whole body.
    pub field: String,
    /// Why, in words for the client.
    pub reason: String,
}

/// A problem that a reply tells of although the request itself was answered: that of something else, which happened before. It names
/// no request.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct ToldProblem(Value);

impl From<Problem> for ToldProblem {
    fn from(problem: Problem) -> Self {
        Self(problem.to_json())
    }
}

/// The problem of something that happened before this request.
#[derive(JsonSchema)]
#[schemars(rename = "ToldProblem")]
#[expect(dead_code, reason = "only its schema is used")]
struct ToldProblemDocument {
    /// `/problems/<kind>`; stable.
    r#type: String,
    /// What this kind of problem is.
    title: String,
    /// The HTTP status with which it is answered where it is a reply of its own.
    status: u16,
    /// What happened.
    detail: Option<String>,
    /// Every field that was refused.
    #[schemars(default)]
    errors: Vec<FieldFault>,
}

impl JsonSchema for ToldProblem {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        ToldProblemDocument::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        ToldProblemDocument::json_schema(generator)
    }
}

/// An error reply on its way to the client.
#[derive(Clone)]
pub struct Problem(Box<Content>);

#[derive(Clone)]
struct Content {
    kind: ProblemType,
    detail: Option<String>,
    errors: Vec<FieldFault>,
    members: Map<String, Value>,
    headers: Vec<(header::HeaderName, header::HeaderValue)>,
    cause: Option<String>,
    request_id: Option<String>,
    trace_id: Option<String>,
}

impl Problem {
    /// A problem of this type without further detail.
    #[must_use]
    pub fn new(kind: ProblemType) -> Self {
        Self(Box::new(Content {
            kind,
            detail: None,
            errors: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
            request_id: None,
            trace_id: None,
        }))
    }

    /// 422 `invalid-request` with everything that is wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldFault>) -> Self {
        let mut problem = Self::new(problems::INVALID_REQUEST);
        problem.0.detail = Some(match errors.len() {
            1 => "One field was refused; see errors.".to_owned(),
            count => format!("{count} fields were refused; see errors."),
        });
        problem.0.errors = errors;
        problem
    }

    /// 500; the cause goes to the log and never into the body.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(problems::INTERNAL).detail("Tell the operator the request id.").cause(cause)
    }

    /// 503 with `Retry-After: 1`; the cause goes to the log and never into the body.
    #[must_use]
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let detail = "Something that this request needs is away; try again in a second.";
        Self::new(problems::UNAVAILABLE).detail(detail).cause(cause).retry_after(1)
    }

    /// The problem of an error without a type of its own: 503 when the error is transient, otherwise 500.
    /// The cause goes to the log only.
    #[must_use]
    pub fn fault(class: Class, cause: &(impl std::error::Error + ?Sized)) -> Self {
        match class {
            Class::Transient => Self::unavailable(cause),
            Class::Refused | Class::Permanent => Self::internal(cause),
        }
    }

    /// What happened this time, and what to do about it; for the client.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a field to `errors`.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Self {
        self.0.errors.push(FieldFault { field: field.into(), reason: reason.into() });
        self
    }

    /// Adds a member of this problem type's own, such as `current_version`. A value that cannot be
    /// written as JSON is left out.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.members.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds a response header; one that is not valid is left out.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = header::HeaderValue::from_str(value) {
            self.0.headers.push((header::HeaderName::from_static(name), value));
        }
        self
    }

    /// `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    /// The cause, for the log only.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The problem's type.
    #[must_use]
    pub fn kind(&self) -> ProblemType {
        self.0.kind
    }

    /// The cause, for the log only.
    #[must_use]
    pub fn logged_cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The problem of a bare status that actix-web answered with.
    #[must_use]
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = problems::ALL.iter().find(|kind| problems::stands_for_status(kind, status.as_u16()));
        match kind {
            Some(kind) if kind.status() == 503 => Self::unavailable(status),
            Some(kind) if *kind == problems::METHOD_NOT_ALLOWED => {
                Self::new(*kind).detail("Use one of the methods that the header Allow lists.")
            }
            Some(kind) => Self::new(*kind),
            None if status.is_server_error() => Self::internal(status),
            None => Self::new(problems::MALFORMED_REQUEST),
        }
    }

    /// Adds what the door knows of the request.
    pub(crate) fn located(mut self, request_id: &str, trace_id: Option<String>) -> Self {
        self.0.request_id = Some(request_id.to_owned());
        self.0.trace_id = trace_id;
        self
    }

    /// The body.
    #[must_use]
    pub(crate) fn to_json(&self) -> Value {
        let content = &self.0;
        let mut body = content.members.clone();
        body.insert("type".to_owned(), content.kind.uri().into());
        body.insert("title".to_owned(), content.kind.title().into());
        body.insert("status".to_owned(), content.kind.status().into());
        if let Some(detail) = &content.detail {
            body.insert("detail".to_owned(), detail.as_str().into());
        }
        if !content.errors.is_empty() {
            body.insert("errors".to_owned(), serde_json::to_value(&content.errors).unwrap_or_default());
        }
        if let Some(request_id) = &content.request_id {
            body.insert("request_id".to_owned(), request_id.as_str().into());
        }
        if let Some(trace_id) = &content.trace_id {
            body.insert("trace_id".to_owned(), trace_id.as_str().into());
        }
        Value::Object(body)
    }

    /// The reply.
    #[must_use]
    pub fn to_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json");
        // RFC 9110, section 15.5.2, demands a challenge with every 401, also where a password or a token in the body was wrong.
        if self.0.kind.status() == StatusCode::UNAUTHORIZED.as_u16() {
            response.insert_header((actix_web::http::header::WWW_AUTHENTICATE, "Bearer"));
        }
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        if let Some(request_id) = &self.0.request_id {
            response.insert_header(("x-request-id", request_id.as_str()));
        }
        response.body(self.to_json().to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.title())?;
        match &self.0.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({} {})", self.0.kind.status(), self.to_json())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.to_response()
    }
}
