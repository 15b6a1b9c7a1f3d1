//! The request headers that handlers ask for by type.
//! The rule: a malformed header is refused by its name, never guessed at.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{EntityTag, IfNoneMatch};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response, StatusCode};
use kernel::Malformed;

use crate::documents::{add_header, refusal};
use crate::extracted::extracted;
use crate::problem::Problem;
use crate::problems;

/// The one value of a header: `None` when absent.
pub(crate) fn single<'r>(request: &'r HttpRequest, name: &'static str) -> Result<Option<&'r str>, Problem> {
    let mut values = request.headers().get_all(name);
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed(name, "is there more than once"));
    }
    first.to_str().map(Some).map_err(|_not_text| malformed(name, "has characters other than visible ASCII"))
}

pub(crate) fn malformed(name: &str, reason: &str) -> Problem {
    Problem::new(problems::MALFORMED_HEADER).detail(format!("The header {name} {reason}.")).field(name, reason)
}

/// Whether the client that sends this `If-None-Match` has the version with this tag already, so that 304 is enough.
#[must_use]
pub fn not_modified(asked: &IfNoneMatch, etag: &EntityTag) -> bool {
    match asked {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(etag)),
    }
}

/// `Idempotency-Key`: required, 1 to 255 visible ASCII characters.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    key: mediator::IdempotencyKey,
    target: String,
}

impl IdempotencyKey {
    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &mediator::IdempotencyKey {
        &self.key
    }

    /// The path of the request.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }
}

extracted!([] IdempotencyKey, |request| idempotency_key(request));

fn idempotency_key(request: &HttpRequest) -> Result<IdempotencyKey, Problem> {
    let value = single(request, "idempotency-key")?.ok_or_else(|| {
        Problem::new(problems::IDEMPOTENCY_KEY_MISSING)
            .detail("Send a value of your own, such as a UUID, and repeat it when you repeat the request.")
            .field("Idempotency-Key", "is missing")
    })?;
    let key = mediator::IdempotencyKey::parse(value).map_err(|fault| malformed("Idempotency-Key", fault.reason()))?;
    Ok(IdempotencyKey { key, target: request.path().to_owned() })
}

impl OperationInput for IdempotencyKey {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        add_header(
            ctx,
            operation,
            "Idempotency-Key",
            "A value of the client's own, 1 to 255 visible ASCII characters. A repeat with the same key gets the first reply again.",
            true,
        );
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![
            refusal(ctx, problems::IDEMPOTENCY_KEY_MISSING),
            refusal(ctx, problems::IDEMPOTENCY_KEY_BUSY),
            refusal(ctx, problems::IDEMPOTENCY_KEY_REUSED),
        ]
    }
}

/// `Prefer: wait=5` (RFC 7240): how long the client would wait for an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    wait: Option<Duration>,
}

impl Prefer {
    /// The longest wait that is granted.
    pub const LONGEST: Duration = Duration::from_secs(30);

    /// Reads the header's value. Other preferences are ignored, and of two waits the first counts, as RFC 7240 asks.
    ///
    /// # Errors
    /// When a wait is not a whole number of seconds, quoted or not.
    pub fn parse(value: &str) -> Result<Self, Malformed> {
        let mut wait = None;
        for preference in value.split([',', ';']) {
            let Some((name, seconds)) = preference.split_once('=') else { continue };
            if name.trim().eq_ignore_ascii_case("wait") {
                let seconds: u32 =
                    seconds.trim().trim_matches('"').parse().map_err(|_not_a_number| {
                        Malformed::new("Prefer", "has a wait that is not a number of seconds")
                    })?;
                wait.get_or_insert(Duration::from_secs(u64::from(seconds)).min(Self::LONGEST));
            }
        }
        Ok(Self { wait })
    }

    /// How long to wait, at most [`Prefer::LONGEST`]; `None` when the client did not ask.
    #[must_use]
    pub fn wait(self) -> Option<Duration> {
        self.wait
    }
}

extracted!([] Prefer, |request| prefer(request));

fn prefer(request: &HttpRequest) -> Result<Prefer, Problem> {
    let value = single(request, "prefer")?.unwrap_or_default();
    Prefer::parse(value).map_err(|fault| malformed(fault.what(), fault.reason()))
}

impl OperationInput for Prefer {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        add_header(
            ctx,
            operation,
            "Prefer",
            "`wait=N`: wait up to N seconds (at most 30) for the outcome before answering.",
            false,
        );
    }
}
