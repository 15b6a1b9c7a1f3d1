//! Refuses requests that two servers could read differently, before anything else looks at them.
//!
//! The rule it keeps: the gateway and the service route by the same bytes. Requests with both a length and chunks, a
//! repeated length or a repeated host do not get this far: the HTTP parser answers them with a bare 400.

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};

use crate::refusal::Refusal;

/// A path and query longer than this are refused, bytes.
const TARGET_LIMIT: usize = 8 * 1024;

/// Whether a service may see the method. What others mean to a server, such as CONNECT, is not ours to find out.
#[must_use]
pub fn passes(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS
    )
}

/// Checks everything but the method and the body.
pub fn inspect(path: &str, query: Option<&str>, headers: &HeaderMap) -> Result<(), Refusal> {
    if path.len() + query.map_or(0, str::len) > TARGET_LIMIT {
        return Err(Refusal::TargetTooLong);
    }
    plain_path(path)?;
    if let Some(query) = query {
        let mut rest = query.as_bytes();
        while let Some(at) = rest.iter().position(|byte| *byte == b'%' || *byte == 0) {
            match escaped(&rest[at..])? {
                0 => return Err(Refusal::Malformed("the query holds a NUL byte")),
                _ => rest = &rest[at + 3..],
            }
        }
    }
    for once in [AUTHORIZATION, HOST, CONTENT_LENGTH] {
        if headers.get_all(&once).nth(1).is_some() {
            return Err(Refusal::Malformed("Authorization, Host and Content-Length may each be sent only once"));
        }
    }
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(Refusal::Malformed("Content-Length and Transfer-Encoding exclude each other"));
    }
    Ok(())
}

/// The place of the segment that may hold separators, counted from the empty one before the first slash: a SKU, or the slugs of a
/// category and of those above it. The services route by the bytes as they came, too.
fn name_segment(path: &str) -> Option<usize> {
    let is_category = |rest: &str| rest.split('/').nth(1) == Some("categories");
    match path.strip_prefix("/store/v1/") {
        Some(rest) => is_category(rest).then_some(5),
        None => path.starts_with("/admin/v1/stock/").then_some(4),
    }
}

/// Refuses escaped separators outside of such a name, dot segments in any spelling, control bytes and broken escapes.
fn plain_path(path: &str) -> Result<(), Refusal> {
    let bytes = path.as_bytes();
    // Nearly every path is plain and needs no second look.
    let suspicious = |byte: &u8| matches!(byte, b'%' | b'.' | b'\\' | 0..=0x20 | 0x7f..);
    if !bytes.iter().any(suspicious) {
        return Ok(());
    }
    let name = name_segment(path);
    for (position, segment) in bytes.split(|byte| *byte == b'/').enumerate() {
        let is_name = name == Some(position);
        let mut rest = segment;
        // Whether all is dots since the segment or its last escaped separator began; none while nothing is there.
        let mut dots_only = None;
        while let Some(first) = rest.first() {
            let (byte, length) = if *first == b'%' { (escaped(rest)?, 3) } else { (*first, 1) };
            match byte {
                b'/' | b'\\' if is_name && length == 3 => {
                    if dots_only == Some(true) {
                        break;
                    }
                    dots_only = None;
                }
                b'/' | b'\\' => return Err(Refusal::Malformed("the path holds an escaped or wrong separator")),
                0..=0x1f | 0x7f => return Err(Refusal::Malformed("the path holds a control byte")),
                _ => dots_only = Some(dots_only.unwrap_or(true) && byte == b'.'),
            }
            rest = &rest[length..];
        }
        if dots_only == Some(true) {
            return Err(Refusal::Malformed("the path holds a `.` or `..` segment"));
        }
    }
    Ok(())
}

/// The byte that `%xx` stands for.
fn escaped(bytes: &[u8]) -> Result<u8, Refusal> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    match (bytes.first(), digit(1), digit(2)) {
        (Some(b'%'), Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|_| Refusal::Malformed("")),
        (Some(0), ..) => Ok(0),
        _ => Err(Refusal::Malformed("the address holds a `%` that is not followed by two hexadecimal digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, query: Option<&str>) -> Result<(), Refusal> {
        inspect(path, query, &HeaderMap::new())
    }

    #[test]
    fn paths_that_can_be_read_in_two_ways_are_refused() {
        for path in [
            "/a/../b",
            "/a/%2e%2e/b",
            "/a/%2E./b",
            "/a/./b",
            "/..",
            "/a/.%2e",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
            "/a%",
            "/a%2",
            "/a%zz",
            "/...",
            "/a/%252f/%",
        ] {
            assert!(get(path, None).is_err(), "{path}");
        }
        for path in ["/a/b", "/a/b.c", "/a/..b", "/a/%20b", "/a/%C3%A9", "/a/SKU%2B1", "/a/%252f"] {
            assert!(get(path, None).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_sku_may_hold_escaped_separators_and_nothing_else_may() {
        for path in [
            "/store/v1/acme/categories/lamps%2Fdesk",
            "/store/v1/acme/categories/lamps%2fdesk%2Fsmall",
            "/admin/v1/stock/AB%2F1",
            "/admin/v1/stock/AB%2f1/adjust",
            "/admin/v1/stock/A%5CB/movements",
            "/admin/v1/stock/%2Fa%2F%2Fb%2F",
            "/admin/v1/stock/.a%2F..b",
            "/admin/v1/stock/a%252F",
        ] {
            assert!(get(path, None).is_ok(), "{path}");
        }
        for path in [
            "/admin/v1/stock/..",
            "/admin/v1/stock/%2e%2E",
            "/store/v1/acme/categories/..%2Fproducts",
            "/store/v1/acme/categories/lamps/desk%2Fsmall",
            "/store/v1/acme%2Fcategories/categories/lamps",
            "/store/v1/acme/products/lamps%2Fdesk",
            "/admin/v1/stock/..%2Fproducts",
            "/admin/v1/stock/a%2F..%2Fb",
            "/admin/v1/stock/a%2F%2e%2e",
            "/admin/v1/stock/.%5Ca",
            "/admin/v1/stock/a%5c..",
            "/admin/v1/stock/A\\B",
            "/admin/v1/stock/a/adjust%2Fb",
            "/admin/v1/stock/a/%2F",
            "/admin/v1/stock%2Fa",
            "/admin/v1%2Fstock/a",
            "/admin/v1/stock/a%2F%00",
            "/admin/v1/products/a%2Fb",
            "/admin/v1/orders/a%2Fb",
            "/store/v1/acme/stock/a%2Fb",
            "//admin/v1/stock/a%2Fb",
            "/admin/v1/stocks/a%2Fb",
        ] {
            assert!(get(path, None).is_err(), "{path}");
        }
    }

    #[test]
    fn a_query_may_hold_separators_but_no_nul() {
        assert!(get("/a", Some("next=%2Fb&x=..")).is_ok());
        assert!(get("/a", Some("x=%00")).is_err());
        assert!(get("/a", Some("x=%4")).is_err());
    }

    #[test]
    fn methods_and_lengths_are_bounded() {
        for method in ["TRACE", "CONNECT", "PROPFIND"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert!(!passes(&method), "{method}");
        }
        assert!(matches!(get(&format!("/{}", "a".repeat(9000)), None), Err(Refusal::TargetTooLong)));
    }
}
