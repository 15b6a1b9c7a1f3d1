//! Every problem type that `rest` itself answers with, in one table.
//! The rule: a type that is not in [`ALL`] is not answered; the documents are compared with it.

use crate::problem_type::ProblemType;

/// The request could not be understood at all.
pub const MALFORMED_REQUEST: ProblemType =
    ProblemType::new("malformed-request", 400, "The request cannot be understood");
/// The body is not JSON, or nested too deeply.
pub const MALFORMED_BODY: ProblemType = ProblemType::new("malformed-body", 400, "The body is not usable JSON");
/// A header is not in the form that this API uses.
pub const MALFORMED_HEADER: ProblemType = ProblemType::new("malformed-header", 400, "A header is malformed");
/// The request creates something and has no `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_MISSING: ProblemType =
    ProblemType::new("idempotency-key-missing", 400, "This request needs an Idempotency-Key header");
/// No usable credential.
pub const UNAUTHENTICATED: ProblemType = ProblemType::new("unauthenticated", 401, "A valid credential is needed");
/// The credential is valid but does not allow this.
pub const FORBIDDEN: ProblemType = ProblemType::new("forbidden", 403, "This is not permitted");
/// The credential is valid, and its organisation is suspended.
pub const ORGANISATION_SUSPENDED: ProblemType =
    ProblemType::new("organisation-suspended", 403, "The organisation is suspended");
/// Nothing lives at this path, or not for this caller.
pub const NOT_FOUND: ProblemType = ProblemType::new("not-found", 404, "There is nothing here");
/// The organisation in the path does not exist or is not active.
pub const ORGANISATION_NOT_FOUND: ProblemType =
    ProblemType::new("organisation-not-found", 404, "There is no such organisation");
/// The path exists, the verb does not.
pub const METHOD_NOT_ALLOWED: ProblemType =
    ProblemType::new("method-not-allowed", 405, "This path does not know this method");
/// The request did not arrive in time.
pub const REQUEST_TIMEOUT: ProblemType = ProblemType::new("request-timeout", 408, "The request did not arrive in time");
/// The same idempotency key is in work.
pub const IDEMPOTENCY_KEY_BUSY: ProblemType =
    ProblemType::new("idempotency-key-busy", 409, "The first request with this Idempotency-Key still runs");
/// The version in `If-Match` is not the current one.
pub const STALE: ProblemType = ProblemType::new("stale", 412, "The resource has changed since");
/// The body is larger than this route takes.
pub const BODY_TOO_LARGE: ProblemType = ProblemType::new("body-too-large", 413, "The body is too large");
/// The body has a content type that this route does not take.
pub const UNSUPPORTED_MEDIA_TYPE: ProblemType =
    ProblemType::new("unsupported-media-type", 415, "This content type is not taken here");
/// One or more fields are wrong.
pub const INVALID_REQUEST: ProblemType = ProblemType::new("invalid-request", 422, "The request was refused");
/// The idempotency key was used with another request.
pub const IDEMPOTENCY_KEY_REUSED: ProblemType =
    ProblemType::new("idempotency-key-reused", 422, "This Idempotency-Key belongs to another request");
/// The request changes something and has no `If-Match`.
pub const PRECONDITION_REQUIRED: ProblemType =
    ProblemType::new("precondition-required", 428, "This request needs an If-Match header");
/// Too many requests.
pub const RATE_LIMITED: ProblemType = ProblemType::new("rate-limited", 429, "Too many requests");
/// The head of the request is too large.
pub const HEADERS_TOO_LARGE: ProblemType = ProblemType::new("headers-too-large", 431, "The headers are too large");
/// A defect on this side.
pub const INTERNAL: ProblemType = ProblemType::new("internal", 500, "Something went wrong on our side");
/// A service behind the gateway answered with something that is not HTTP.
pub const BAD_UPSTREAM: ProblemType = ProblemType::new("bad-upstream", 502, "The service behind the gateway failed");
/// Something that this request needs is away; it may be tried again.
pub const UNAVAILABLE: ProblemType = ProblemType::new("unavailable", 503, "The service is not available right now");
/// A service behind the gateway did not answer in time.
pub const UPSTREAM_TIMEOUT: ProblemType =
    ProblemType::new("upstream-timeout", 504, "The service behind the gateway did not answer in time");

/// The table.
pub const ALL: [ProblemType; 24] = [
    MALFORMED_REQUEST,
    MALFORMED_BODY,
    MALFORMED_HEADER,
    IDEMPOTENCY_KEY_MISSING,
    UNAUTHENTICATED,
    FORBIDDEN,
    ORGANISATION_SUSPENDED,
    NOT_FOUND,
    ORGANISATION_NOT_FOUND,
    METHOD_NOT_ALLOWED,
    REQUEST_TIMEOUT,
    IDEMPOTENCY_KEY_BUSY,
    STALE,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_REQUEST,
    IDEMPOTENCY_KEY_REUSED,
    PRECONDITION_REQUIRED,
    RATE_LIMITED,
    HEADERS_TOO_LARGE,
    INTERNAL,
    BAD_UPSTREAM,
    UNAVAILABLE,
    UPSTREAM_TIMEOUT,
];

/// Whether this type is the one that a bare status stands for: the first of its status in the
/// table, except where that one would claim to know more than the status says.
pub(crate) fn stands_for_status(kind: &ProblemType, status: u16) -> bool {
    kind.status() == status && *kind != IDEMPOTENCY_KEY_BUSY && *kind != STALE
}
