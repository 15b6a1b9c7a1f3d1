//! `If-Match`: which version of a resource a change is based on (RFC 9110, 13.1.1).
//! The rule: ETags are compared as the bytes that were sent, and a weak one matches nothing.

use actix_web::HttpRequest;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response, StatusCode};
use kernel::Expected;

use crate::documents::{add_header, refusal};
use crate::extracted::extracted;
use crate::headers::malformed;
use crate::problem::Problem;
use crate::problems;

/// `If-Match: "7"`: the version that the client has seen; required. A list names several, `*` any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(Expected);

impl IfMatch {
    /// The versions that it names; an ETag that no version has names none.
    #[must_use]
    pub fn versions(self) -> Expected {
        self.0
    }
}

/// `If-Match` where it may be left out: whoever sends none changes whatever version there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalIfMatch(Expected);

impl OptionalIfMatch {
    /// The versions that it names; any when it was left out.
    #[must_use]
    pub fn versions(self) -> Expected {
        self.0
    }
}

/// The ETag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The ETag of a version as it is shown with what others make of it, such as counts: behind a point stands the fingerprint of
/// the whole. As `If-Match` it names the version, which is all that a change is based on.
pub(crate) fn etag_shown(version: i64, fingerprint: &str) -> String {
    format!("\"{version}.{fingerprint}\"")
}

/// What tells this JSON from another one: 16 hexadecimal digits.
pub(crate) fn fingerprint(json: &[u8]) -> String {
    let digest = mediator::Once::digest(&[json]);
    digest.iter().take(FINGERPRINT / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// The digits of a fingerprint.
const FINGERPRINT: usize = 16;

extracted!([] IfMatch, |request| if_match(request));
extracted!([] OptionalIfMatch, |request| {
    stated(request).map(|expected| OptionalIfMatch(expected.unwrap_or(Expected::Any)))
});

fn if_match(request: &HttpRequest) -> Result<IfMatch, Problem> {
    let missing = || {
        Problem::new(problems::PRECONDITION_REQUIRED)
            .detail("Send the ETag of the version that you have read as If-Match.")
            .field("If-Match", "is missing")
    };
    stated(request)?.map(IfMatch).ok_or_else(missing)
}

/// What the header says; `None` where there is none.
fn stated(request: &HttpRequest) -> Result<Option<Expected>, Problem> {
    let lines: Vec<&[u8]> = request.headers().get_all("if-match").map(|value| value.as_bytes()).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    // Several lines are one list (RFC 9110, 5.3).
    let expected = expected(&lines.join(&b","[..]));
    expected.map(Some).ok_or_else(|| malformed("If-Match", "is neither a list of ETags, such as \"7\", nor *"))
}

/// `None` when the value is not what RFC 9110 allows.
fn expected(value: &[u8]) -> Option<Expected> {
    if value.trim_ascii() == b"*" {
        return Some(Expected::Any);
    }
    let (mut rest, mut versions, mut tags) = (value, Vec::new(), 0);
    loop {
        rest = rest.trim_ascii_start();
        if let Some(behind) = rest.strip_prefix(b",") {
            rest = behind;
            continue;
        }
        if rest.is_empty() {
            return (tags > 0).then_some(Expected::OneOf(versions));
        }
        let (weak, tag) = rest.strip_prefix(b"W/").map_or((false, rest), |tag| (true, tag));
        let end = tag.strip_prefix(b"\"")?.iter().position(|byte| *byte == b'"')? + 2;
        let (tag, behind) = tag.split_at(end);
        let allowed = |byte: &u8| matches!(byte, 0x21..=0x7e | 0x80..);
        rest = behind.trim_ascii_start();
        if !tag.iter().all(allowed) || !(rest.is_empty() || rest.starts_with(b",")) {
            return None;
        }
        tags += 1;
        versions.extend(version(tag).filter(|_| !weak));
    }
}

/// The version whose ETag this is, to the byte: `"07"` is not version 7.
fn version(tag: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(tag).ok()?.trim_matches('"');
    let (number, fingerprint) = text.split_once('.').map_or((text, None), |(number, rest)| (number, Some(rest)));
    let version = number.parse().ok()?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let made_here = match fingerprint {
        None => etag(version),
        Some(digits) if digits.len() == FINGERPRINT && digits.bytes().all(is_digit) => etag_shown(version, digits),
        Some(_) => return None,
    };
    (made_here.as_bytes() == tag).then_some(version)
}

impl OperationInput for IfMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description = "The ETag of the version that is changed, such as \"7\"; several in a list, or `*` for any.";
        add_header(ctx, operation, "If-Match", description, true);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::STALE), refusal(ctx, problems::PRECONDITION_REQUIRED)]
    }
}

impl OperationInput for OptionalIfMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description =
            "The ETag of the version that is changed, such as \"7\"; without it, whatever version there is.";
        add_header(ctx, operation, "If-Match", description, false);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::STALE)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_the_versions_whose_etags_stand_in_it_to_the_byte() {
        let one_of = |versions: &[i64]| Some(Expected::OneOf(versions.to_vec()));
        for (value, read) in [
            ("\"7\"", one_of(&[7])),
            (" \"7\"\t", one_of(&[7])),
            ("\"6\", \"7\"", one_of(&[6, 7])),
            (",\"6\" , ,\"7\",", one_of(&[6, 7])),
            ("\"a,\", \"7\"", one_of(&[7])),
            ("W/\"6\", \"7\"", one_of(&[7])),
            ("\"7.0123456789abcdef\", \"8.x\"", one_of(&[7])),
            ("\"07.0123456789abcdef\"", one_of(&[])),
            ("\"7.0123456789ABCDEF\"", one_of(&[])),
            ("\"7.\"", one_of(&[])),
            ("*", Some(Expected::Any)),
            (" * ", Some(Expected::Any)),
            // ETags, but of nothing that is here.
            ("W/\"7\"", one_of(&[])),
            ("\"07\"", one_of(&[])),
            ("\"+7\"", one_of(&[])),
            ("\"-0\"", one_of(&[])),
            ("\"7,6\"", one_of(&[])),
            ("\"\"", one_of(&[])),
            ("\"é\"", one_of(&[])),
            ("\"99999999999999999999\"", one_of(&[])),
            // No ETags.
            ("", None),
            (",", None),
            ("7", None),
            ("\"7", None),
            ("7\"", None),
            ("\" 7\"", None),
            ("\"7\" \"6\"", None),
            ("\"7\"\"6\"", None),
            ("\"a,\"7\",b\"", None),
            ("w/\"7\"", None),
            ("*, \"7\"", None),
            ("\"7\", *", None),
        ] {
            assert_eq!(expected(value.as_bytes()), read, "{value}");
        }
    }
}
