//! Links to what shows a product. The rule: a link leads to the web and to nothing else, so no page that shows it runs it.

use contracts::catalog::MediumKind;
use kernel::Malformed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording::line;

/// An address on the web: `https://` or `http://`, up to 2,000 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct MediumUrl(String);

impl MediumUrl {
    /// The longest address, in characters.
    pub const LIMIT: usize = 2_000;

    /// Checks an address.
    ///
    /// # Errors
    /// When it is too long, is not written in visible ASCII, or is not one of the web.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
        let begins = |rest: &str| rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[');
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\');
        if trimmed.len() <= Self::LIMIT && rest.is_some_and(begins) && trimmed.bytes().all(is_plain) {
            Ok(Self(trimmed.to_owned()))
        } else {
            let reason =
                "must be an address that begins with https:// or http://, of at most 2000 visible ASCII characters";
            Err(Malformed::new("url", reason))
        }
    }
}

kernel::text!(MediumUrl, {"type": "string", "format": "uri", "maxLength": Self::LIMIT});

/// What a medium shows, for those who do not see it: 1 to 300 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct AltText(String);

impl AltText {
    /// The longest text, in characters.
    pub const LIMIT: usize = 300;

    /// Trims and checks a text.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("alt", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(AltText, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// A link to a picture, a film or a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Medium {
    /// Where it is: `https://` or `http://`.
    pub url: MediumUrl,
    /// What it is.
    pub kind: MediumKind,
    /// What it shows, for those who do not see it.
    #[serde(default)]
    pub alt: Option<AltText>,
}

impl Medium {
    /// The most media of a product.
    pub const MOST: usize = 50;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_web() {
        for right in ["https://cdn.example/a.jpg", "http://[::1]/a?b=c#d", "https://xn--bcher-kva.example/%20"] {
            assert!(MediumUrl::parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "https://",
            "https:///a",
            "//cdn.example/a",
            "ftp://cdn.example/a",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://a b",
            "https://a\"onerror=1",
            "https://bücher.example",
            &format!("https://{}", "x".repeat(2_000)),
        ] {
            assert!(MediumUrl::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
