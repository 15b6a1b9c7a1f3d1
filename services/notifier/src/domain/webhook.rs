//! Where a webhook's requests go, and how they are signed: as Standard Webhooks says, so that a receiver checks them with any of
//! its libraries.
//! The rules: what an organisation names is on the public internet, unless the installation says otherwise; and a secret never
//! prints.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::{Malformed, Timestamp};
use reqwest::Url;

/// A URL with `https` or `http`, a host, and neither a user nor a fragment: at most 1,000 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// The longest URL, in characters.
    pub const LIMIT: usize = 1_000;

    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none of that form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = |reason: &'static str| Err(Malformed::new("url", reason));
        let Ok(url) = Url::parse(text.trim()) else {
            return malformed("must be a URL such as https://shop.example/hook");
        };
        if !["https", "http"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
            return malformed("must begin with https:// and name a host");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return malformed("must have neither a user nor a fragment; requests are signed");
        }
        if url.as_str().chars().count() > Self::LIMIT {
            return malformed("must have at most 1000 characters");
        }
        Ok(Self(url.into()))
    }

    /// The address that stands in the place of a host's name.
    fn literal(&self) -> Option<IpAddr> {
        let url = Url::parse(&self.0).ok()?;
        let host = url.host_str()?;
        host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

kernel::text!(WebhookUrl, {
    "type": "string",
    "minLength": 1, "maxLength": 1000, "format": "uri",
    "description": "A URL that begins with https://, without a user and a fragment.",
});

/// Which webhooks an installation takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookPolicy {
    /// Whether they may be inside: private addresses, and `http`.
    pub inside: bool,
}

impl WebhookPolicy {
    /// Refuses what is not on the public internet. The addresses of a name are known only when it is called.
    ///
    /// # Errors
    /// When the URL is of another scheme than `https` or names a private address, and that is not allowed.
    pub fn admit(self, url: &WebhookUrl) -> Result<(), Malformed> {
        let malformed = |reason: &'static str| Err(Malformed::new("url", reason));
        if self.inside {
            return Ok(());
        }
        if !url.as_str().starts_with("https://") {
            return malformed("must begin with https://");
        }
        match url.literal() {
            Some(address) if !is_public(address) => malformed("must not name a private address"),
            _ => Ok(()),
        }
    }

    /// Whether requests may go to this address.
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        self.inside || is_public(address)
    }
}

/// Which ways out an installation offers its organisations besides Telegram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Whether it sends mail.
    pub mail: bool,
    /// Which webhooks it takes.
    pub webhooks: WebhookPolicy,
}

/// Whether an address is somebody's on the public internet. What is not known to be is none.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let reserved = matches!(
        (first, second, third),
        // This network, shared by carriers, protocols, 6to4 relays, measurements, and what is not given out.
        (0 | 240..=255, ..) | (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18 | 19, _)
    );
    !(reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3. Of that, protocols and tunnels (2001::/23), examples and 6to4 lead elsewhere.
    let reserved = matches!((first, second), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    (0x2000..=0x3fff).contains(&first) && !reserved
}

/// What the requests to one webhook are signed with: 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// The secret of these bytes.
    #[must_use]
    pub fn of_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, to be stored.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// As the receiver's library takes it: `whsec_…`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret([redacted])")
    }
}

/// A webhook of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where its requests go.
    pub url: WebhookUrl,
    /// What they are signed with.
    pub secret: WebhookSecret,
}

impl Webhook {
    /// The header `webhook-signature` of a request with this id, time and body.
    #[must_use]
    pub fn signature(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose()));
        context.update(format!("{id}.{}.", at.timestamp()).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_nothing_that_a_signature_makes_needless() {
        assert_eq!(WebhookUrl::parse(" https://a.example/hook?x=1 ").unwrap().as_str(), "https://a.example/hook?x=1");
        let long = format!("https://a.example/{}", "x".repeat(1_000));
        for refused in
            ["", "a.example", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example/#x", &long]
        {
            assert!(WebhookUrl::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn only_what_is_on_the_public_internet_is_called_unless_that_is_allowed() {
        let (outside, inside) = (WebhookPolicy::default(), WebhookPolicy { inside: true });
        let url = |text: &str| WebhookUrl::parse(text).unwrap();
        for (text, taken) in [
            ("https://a.example/", true),
            ("https://203.0.114.1/", true),
            ("http://a.example/", false),
            ("https://127.0.0.1/", false),
            // As the standard for URLs reads it: 127.0.0.1.
            ("https://2130706433/", false),
            ("https://0x7f.1/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]/", false),
        ] {
            assert_eq!(outside.admit(&url(text)).is_ok(), taken, "{text}");
            assert!(inside.admit(&url(text)).is_ok(), "{text}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2002:a00:1::",
            "::ffff:192.168.0.1",
            "::7f00:1",
        ] {
            assert!(!outside.admits(private.parse().unwrap()), "{private}");
            assert!(inside.admits(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(outside.admits(public.parse().unwrap()), "{public}");
        }
    }

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn a_request_is_signed_as_standard_webhooks_says() {
        let secret = WebhookSecret::of_bytes(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let webhook = Webhook { url: WebhookUrl::parse("https://a.example").unwrap(), secret };
        let at = Timestamp::from_timestamp(1_614_265_330, 0).unwrap();
        let signature = webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(webhook.secret.text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert!(!format!("{webhook:?}").contains("MfKQ"));
    }
}
