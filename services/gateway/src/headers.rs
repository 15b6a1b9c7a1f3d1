//! Which headers cross the gateway, in both directions.
//!
//! The rule it keeps: a service never sees an identity or forwarding header that came from outside, in any spelling.
//! Names with an underscore do not pass at all: many servers read `x_user_id` and `x-user-id` as the same.

use std::net::IpAddr;

use actix_web::http::header::{CONNECTION, HeaderMap};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

/// Families of headers that name the caller or its address: the gateway alone may set some of them, and nobody the
/// others.
const FORGEABLE: &[&str] = &[
    "x-user",
    "x-tenant",
    "x-organisation",
    "x-organization",
    "x-org-",
    "x-internal",
    "x-forwarded",
    "x-original",
    "x-rewrite",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-remote",
    "x-envoy",
    "x-auth",
    "x-role",
    "x-actor",
    "x-caller",
    "x-principal",
    "x-request-id",
    "x-correlation",
    "x-http-method",
    "x-method-override",
];

/// Whether a header of the client may go on to a service.
#[must_use]
pub fn passes_to_service(name: &str) -> bool {
    match name {
        // Hop by hop, or set by the gateway itself.
        "host" | "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade"
        | "content-length" | "expect" | "http2-settings" => false,
        // The client's address.
        "forwarded" | "via" | "true-client-ip" | "client-ip" | "cf-connecting-ip" | "fastly-client-ip" => false,
        // The trace is continued by the gateway's own span.
        "traceparent" | "tracestate" | "baggage" | "b3" => false,
        _ if name.starts_with("x-") => !FORGEABLE.iter().any(|family| name.starts_with(family)) && !name.contains('_'),
        _ => !name.starts_with("proxy-") && !name.contains('_'),
    }
}

/// Whether a header of a service may go on to the client.
#[must_use]
pub fn passes_to_client(name: &str) -> bool {
    match name {
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "content-length"
        | "date" | "server" | "x-powered-by" | "x-request-id" | "traceparent" | "tracestate" | "ratelimit"
        | "ratelimit-policy" => false,
        _ => !name.starts_with("proxy-") && !name.starts_with("x-internal"),
    }
}

/// The names of the headers that a message's `Connection` headers make hop-by-hop.
#[derive(Debug, Default)]
pub struct HopByHop(Vec<String>);

impl HopByHop {
    /// The names in the `Connection` headers among these.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> HopByHop {
        let mut hop_by_hop = HopByHop::default();
        for value in headers.get_all(CONNECTION) {
            hop_by_hop.add(value.as_bytes());
        }
        hop_by_hop
    }

    /// Adds one `Connection` value.
    pub fn add(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            let usual =
                token.is_empty() || token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close");
            if !usual {
                self.0.push(String::from_utf8_lossy(token).to_ascii_lowercase());
            }
        }
    }

    /// Whether this header, in lower case, is one of them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

/// What becomes of the client's `Authorization`.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// It goes on as it came.
    Kept,
    /// This one goes on in its place.
    Replaced(&'a HeaderValue),
    /// It ends here.
    Dropped,
}

/// The headers that the gateway itself adds.
#[derive(Debug, Clone, Copy)]
pub struct Added<'a> {
    /// `X-Forwarded-For`: the client's address.
    pub address: Option<IpAddr>,
    /// `X-Request-Id`.
    pub request_id: &'a str,
    /// `traceparent`: the gateway's span.
    pub traceparent: &'a str,
    /// `Authorization`.
    pub credential: Credential<'a>,
}

/// The headers that a service gets, without `Host` and those that frame the body.
#[must_use]
pub fn to_service(headers: &HeaderMap, hop_by_hop: &HopByHop, added: Added<'_>) -> hyper::HeaderMap {
    // Room for what is added here and before sending: growing would hash everything once more.
    let mut kept = hyper::HeaderMap::with_capacity(headers.len() + 6);
    for (name, value) in headers {
        let name = name.as_str();
        let ends_here = name == AUTHORIZATION.as_str() && !matches!(added.credential, Credential::Kept);
        if passes_to_service(name) && !hop_by_hop.contains(name) && !ends_here {
            // Server and client use different major versions of the same types, with the same rules.
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                kept.append(name, value);
            }
        }
    }
    if let Credential::Replaced(value) = added.credential {
        kept.insert(AUTHORIZATION, value.clone());
    }
    let mut add = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            kept.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some(address) = added.address {
        let mut text = Text::default();
        text.write(address);
        add("x-forwarded-for", text.as_str());
    }
    add("x-request-id", added.request_id);
    add("traceparent", added.traceparent);
    kept
}

/// A text of up to 64 bytes on the stack, since addresses and ids are written for every request.
#[derive(Debug, Clone)]
pub struct Text {
    bytes: [u8; 64],
    length: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; 64], length: 0 }
    }
}

impl Text {
    /// Appends what fits.
    pub fn write(&mut self, value: impl std::fmt::Display) {
        // It cannot fail: `write_str` below cuts instead.
        let _ = std::fmt::Write::write_fmt(self, format_args!("{value}"));
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let length = text.len().min(self.bytes.len() - self.length);
        self.bytes[self.length..self.length + length].copy_from_slice(&text.as_bytes()[..length]);
        self.length += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_forwarding_headers_do_not_pass_in_any_spelling() {
        for name in [
            "x-user-id",
            "x-user",
            "x_user_id",
            "x-user_id",
            "x-tenant-id",
            "x_tenant_id",
            "x-organisation",
            "x-organisation-id",
            "x_organisation",
            "x-internal-role",
            "x_internal_role",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded-host",
            "x-forwarded",
            "forwarded",
            "x-real-ip",
            "x_real_ip",
            "via",
            "x-original-url",
            "x-rewrite-url",
            "x-http-method-override",
            "x-request-id",
            "traceparent",
            "baggage",
            "connection",
            "te",
            "proxy-authorization",
            "host",
            "content-length",
            "transfer-encoding",
            "upgrade",
        ] {
            assert!(!passes_to_service(name), "{name}");
        }
        for name in [
            "authorization",
            "idempotency-key",
            "if-match",
            "prefer",
            "order-token",
            "x-setup-token",
            "content-type",
            "accept",
            "user-agent",
            "cookie",
            "x-dry-run",
        ] {
            assert!(passes_to_service(name), "{name}");
        }
    }

    #[test]
    fn what_connection_names_is_remembered_in_lower_case() {
        let mut hop_by_hop = HopByHop::default();
        hop_by_hop.add(b"keep-alive, X-Other ,close");
        assert!(hop_by_hop.contains("x-other") && !hop_by_hop.contains("keep-alive"));
    }

    #[test]
    fn a_service_gets_what_passes_and_what_the_gateway_adds() {
        use actix_web::http::header;

        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "a/b".parse().unwrap());
        headers.append(header::ACCEPT, "c/d".parse().unwrap());
        headers.append(header::HeaderName::from_static("x-forwarded-for"), "6.6.6.6".parse().unwrap());
        headers.append(header::CONTENT_LENGTH, "7".parse().unwrap());
        headers.append(header::AUTHORIZATION, "Bearer key".parse().unwrap());
        let address = Some([127, 0, 0, 1].into());
        let added = Added { address, request_id: "r", traceparent: "t", credential: Credential::Dropped };
        let kept = to_service(&headers, &HopByHop::default(), added);
        let kept: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(
            kept,
            [
                ("accept", "a/b"),
                ("accept", "c/d"),
                ("x-forwarded-for", "127.0.0.1"),
                ("x-request-id", "r"),
                ("traceparent", "t")
            ]
        );
        let token = HeaderValue::from_static("Bearer token");
        for (credential, expected) in [(Credential::Kept, "Bearer key"), (Credential::Replaced(&token), "Bearer token")]
        {
            let kept = to_service(&headers, &HopByHop::default(), Added { credential, ..added });
            assert_eq!(kept.get_all(AUTHORIZATION).iter().collect::<Vec<_>>(), [expected]);
        }
    }
}
