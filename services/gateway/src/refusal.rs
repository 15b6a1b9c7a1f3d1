//! Everything that the gateway itself refuses, as one enum, and its reply as `application/problem+json` (RFC 9457).
//!
//! The rule it keeps: every refusal has one problem type in one exhaustive match, and no reply tells an internal cause.

use access::KeyRejection;
use actix_web::HttpResponse;
use actix_web::http::header::{CONNECTION, HeaderValue};
use rest::{Problem, ProblemType, problems};
use thiserror::Error;

use crate::body::UploadError;
use crate::routes::Service;
use crate::upstream::SendError;

/// Path and query are longer than the gateway reads.
pub const URI_TOO_LONG: ProblemType = ProblemType::new("uri-too-long", 414, "The address is too long");

/// What the gateway lacked when it answered 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Bound {
    /// A place among the requests at once.
    RequestsAtOnce,
    /// A replica that takes connections.
    Replica,
}

/// Why the gateway replied in place of a service. The text is for the client.
#[derive(Debug, Clone, Error)]
pub enum Refusal {
    /// Not in the prefix table.
    #[error("Nothing is served at this address; /openapi.json lists what is.")]
    UnknownRoute,
    /// A method that is not served.
    #[error("Use one of {allow}.")]
    WrongMethod {
        /// The methods that are served.
        allow: String,
    },
    /// Two servers could read it differently.
    #[error("The request cannot be read safely: {0}.")]
    Malformed(&'static str),
    /// Path and query are too long.
    #[error("The address is longer than 8 KiB.")]
    TargetTooLong,
    /// No or no valid credential.
    #[error("{reason}.")]
    Unauthenticated {
        /// What is wrong.
        reason: String,
        /// Whether a credential was sent.
        presented: bool,
    },
    /// A valid credential that may not be used like this.
    #[error("{0}.")]
    Forbidden(String),
    /// A valid credential of an organisation that is suspended.
    #[error("The organisation of this credential is suspended; ask whoever runs the installation.")]
    Suspended,
    /// A rate limit is used up.
    #[error("The limit `{policy}` is used up; try again in {retry_after} s.")]
    TooManyRequests {
        /// The limit's name.
        policy: &'static str,
        /// Seconds until the next request is allowed.
        retry_after: u64,
    },
    /// The client's body failed.
    #[error(transparent)]
    Body(UploadError),
    /// Too many requests are under way.
    #[error("The gateway is at its limit of requests at once; try again in a second.")]
    Overloaded,
    /// No replica took the request.
    #[error("The service `{0}` is not reachable at the moment; try again in a second.")]
    Unavailable(Service),
    /// The service closed the connection after the request was sent.
    #[error(
        "The service `{0}` broke the connection before it answered. Whether it acted is not known: look before \
         repeating, or send an Idempotency-Key next time."
    )]
    Broken(Service),
    /// The service's answer is not valid HTTP.
    #[error("The service `{0}` sent an answer that cannot be read.")]
    Unreadable(Service),
    /// The service did not answer in time.
    #[error("The service `{service}` did not answer within {seconds} s. Whether it acted is not known.")]
    TimedOut {
        /// The service.
        service: Service,
        /// The time limit.
        seconds: u64,
    },
    /// A defect of the gateway.
    #[error("Tell the operator the request id.")]
    Internal,
}

impl Refusal {
    /// The refusal for an error between the gateway and a service.
    #[must_use]
    pub fn of_sending(service: Service, error: &SendError) -> Refusal {
        match error {
            SendError::Unavailable(service) => Refusal::Unavailable(*service),
            SendError::Broken(service) => Refusal::Broken(*service),
            SendError::Unreadable(_) => Refusal::Unreadable(service),
            SendError::Upload(error) => Refusal::Body(*error),
            SendError::TimedOut { service, seconds } => Refusal::TimedOut { service: *service, seconds: *seconds },
        }
    }

    /// The refusal where a credential is needed and none was sent.
    #[must_use]
    pub fn without_credential() -> Refusal {
        let reason =
            "send an access token or an API key as `Authorization: Bearer …`; log in to get a token".to_owned();
        Refusal::Unauthenticated { reason, presented: false }
    }

    /// The refusal for an API key that is not accepted.
    #[must_use]
    pub fn of_key(rejection: KeyRejection) -> Refusal {
        let reason = rejection.to_string();
        match rejection {
            KeyRejection::Unknown | KeyRejection::Revoked | KeyRejection::Expired => {
                Refusal::Unauthenticated { reason, presented: true }
            }
            KeyRejection::Address => Refusal::Forbidden(reason),
        }
    }

    /// Every problem type that the gateway answers with.
    #[must_use]
    pub fn kinds() -> [ProblemType; 14] {
        [
            problems::NOT_FOUND,
            problems::METHOD_NOT_ALLOWED,
            problems::MALFORMED_REQUEST,
            URI_TOO_LONG,
            problems::UNAUTHENTICATED,
            problems::FORBIDDEN,
            problems::ORGANISATION_SUSPENDED,
            problems::RATE_LIMITED,
            problems::BODY_TOO_LARGE,
            problems::REQUEST_TIMEOUT,
            problems::UNAVAILABLE,
            problems::BAD_UPSTREAM,
            problems::UPSTREAM_TIMEOUT,
            problems::INTERNAL,
        ]
    }

    /// The refusal's problem type.
    #[must_use]
    pub fn kind(&self) -> ProblemType {
        match self {
            Refusal::UnknownRoute => problems::NOT_FOUND,
            Refusal::WrongMethod { .. } => problems::METHOD_NOT_ALLOWED,
            Refusal::Malformed(_) | Refusal::Body(UploadError::Broken) => problems::MALFORMED_REQUEST,
            Refusal::TargetTooLong => URI_TOO_LONG,
            Refusal::Unauthenticated { .. } => problems::UNAUTHENTICATED,
            Refusal::Forbidden(_) => problems::FORBIDDEN,
            Refusal::Suspended => problems::ORGANISATION_SUSPENDED,
            Refusal::TooManyRequests { .. } => problems::RATE_LIMITED,
            Refusal::Body(UploadError::TooLarge { .. }) => problems::BODY_TOO_LARGE,
            Refusal::Body(UploadError::TooSlow { .. }) => problems::REQUEST_TIMEOUT,
            Refusal::Overloaded | Refusal::Unavailable(_) => problems::UNAVAILABLE,
            Refusal::Broken(_) | Refusal::Unreadable(_) => problems::BAD_UPSTREAM,
            Refusal::TimedOut { .. } => problems::UPSTREAM_TIMEOUT,
            Refusal::Internal => problems::INTERNAL,
        }
    }

    /// What was lacking, where the reply is 503.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        match self {
            Refusal::Overloaded => Some(Bound::RequestsAtOnce),
            Refusal::Unavailable(_) => Some(Bound::Replica),
            _ => None,
        }
    }

    /// The reply to the request with this id.
    #[must_use]
    pub fn reply(&self, request_id: &str) -> HttpResponse {
        let mut detail = self.to_string();
        if let Some(first) = detail.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        if !detail.ends_with('.') {
            detail.push('.');
        }
        let problem = Problem::new(self.kind()).detail(detail).member("request_id", request_id);
        let problem = match self {
            Refusal::WrongMethod { allow } => problem.header("allow", allow.as_str()),
            Refusal::Unauthenticated { presented: true, .. } => {
                problem.header("www-authenticate", "Bearer error=\"invalid_token\"")
            }
            Refusal::Unauthenticated { presented: false, .. } => problem.header("www-authenticate", "Bearer"),
            Refusal::TooManyRequests { retry_after, .. } => problem.retry_after(*retry_after),
            Refusal::Body(UploadError::TooLarge { limit }) => problem.member("limit_bytes", limit),
            Refusal::Overloaded | Refusal::Unavailable(_) => problem.retry_after(1),
            _ => problem,
        };
        let mut reply = problem.to_response();
        if matches!(self, Refusal::Body(_) | Refusal::Malformed(_)) {
            // The rest of a refused body must not be read as the next request.
            reply.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_the_kind_of_every_refusal_and_no_other() {
        let all = [
            Refusal::UnknownRoute,
            Refusal::WrongMethod { allow: String::new() },
            Refusal::Malformed("x"),
            Refusal::TargetTooLong,
            Refusal::Unauthenticated { reason: String::new(), presented: false },
            Refusal::Forbidden(String::new()),
            Refusal::Suspended,
            Refusal::TooManyRequests { policy: "address", retry_after: 1 },
            Refusal::Body(UploadError::TooLarge { limit: 1 }),
            Refusal::Body(UploadError::TooSlow { seconds: 1 }),
            Refusal::Overloaded,
            Refusal::Broken(Service::Auth),
            Refusal::TimedOut { service: Service::Auth, seconds: 1 },
            Refusal::Internal,
        ];
        for refusal in &all {
            assert_eq!(refusal.bound().is_some(), refusal.kind().status() == 503, "{refusal:?}");
            assert_eq!(
                refusal.reply("x").headers().contains_key("retry-after"),
                refusal.bound().is_some() || refusal.kind().status() == 429,
                "{refusal:?}"
            );
        }
        assert_eq!(all.map(|refusal| refusal.kind()), Refusal::kinds());
    }
}
