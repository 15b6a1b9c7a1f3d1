//! What a category says of itself: name, slug, icon, image, and what other systems call it.
//! The rule: every text is bounded and checked before it is a value of these types.

use std::{borrow::Cow, collections::BTreeMap};

use kernel::{Malformed, Slug};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The name that people see: 1 to 120 characters, trimmed, without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct CategoryName(String);

impl CategoryName {
    /// The longest name, in characters.
    pub const LIMIT: usize = 120;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// `Malformed` when nothing is left after trimming, it is longer than 120 characters, or a control character is in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        bounded("category name", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(CategoryName, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "The name that people see: 1 to 120 characters, trimmed, without control characters.",
});

/// A short text that stands for the category: the name of an icon, or an emoji.
#[derive(Clone, PartialEq, Eq)]
pub struct Icon(String);

impl Icon {
    /// The longest icon, in characters; some emoji are a dozen of them.
    pub const LIMIT: usize = 40;

    /// Trims and checks an icon.
    ///
    /// # Errors
    /// `Malformed` when nothing is left after trimming, it is longer than 40 characters, or a control character is in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        bounded("icon", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(Icon, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "The name of an icon or an emoji: 1 to 40 characters, trimmed, without control characters.",
});

/// Where the category's image is: an absolute https address without user name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageLink(String);

impl ImageLink {
    /// The longest link, in characters.
    pub const LIMIT: usize = 2_000;

    /// Checks a link. It is not opened.
    ///
    /// # Errors
    /// `Malformed` when it is longer than 2,000 characters, is not https, names no host, carries a user name, or has a
    /// character that an address does not have.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let refused = |reason: &'static str| Err(Malformed::new("image", reason));
        if text.len() > Self::LIMIT {
            return refused("must have at most 2000 characters");
        }
        let Some(rest) = text.strip_prefix("https://") else {
            return refused("must begin with https://");
        };
        if !text.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && !b"\"<>\\^`{|}".contains(&byte)) {
            return refused("must be an address: spaces, quotes and letters beyond ASCII are written with % in it");
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let is_host = |host: &str| {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
                && host.split('.').all(|label| !label.is_empty())
        };
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        if !is_host(host) || !port.is_none_or(is_port) {
            return refused("must name a host behind https://, without a user name");
        }
        Ok(Self(text.to_owned()))
    }
}

kernel::text!(ImageLink, {
    "type": "string",
    "pattern": "^https://[!-~]+$", "maxLength": Self::LIMIT,
    "description": "An https address of an image, at most 2,000 characters.",
});

/// What one other system calls a category: 1 to 200 characters, trimmed, without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferenceValue(String);

impl ReferenceValue {
    /// The longest value, in characters.
    pub const LIMIT: usize = 200;

    /// Trims and checks a value.
    ///
    /// # Errors
    /// `Malformed` when nothing is left after trimming, it is longer than 200 characters, or a control character is in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        bounded("reference", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(ReferenceValue, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "The name of a category in another system: 1 to 200 characters, trimmed, without control characters.",
});

/// What other systems call a category: by the code of the system, at most 20 of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct References(BTreeMap<Slug, ReferenceValue>);

impl References {
    /// The most systems that a category has a name in.
    pub const LIMIT: usize = 20;

    /// Checks all codes and values.
    ///
    /// # Errors
    /// `Malformed`, which names the code at fault, when a code is no slug or a value is malformed, or there are over 20.
    pub fn parse<'t>(pairs: impl IntoIterator<Item = (&'t String, &'t String)>) -> Result<Self, Malformed> {
        let mut read = BTreeMap::new();
        for (system, value) in pairs {
            let faulty = |fault: Malformed| {
                let shown: String = system.chars().take(64).collect();
                Malformed::new("references", format!("has a bad entry \"{shown}\": the {fault}"))
            };
            read.insert(Slug::parse(system).map_err(faulty)?, ReferenceValue::parse(value).map_err(faulty)?);
            if read.len() > Self::LIMIT {
                return Err(Malformed::new("references", "must name at most 20 systems"));
            }
        }
        Ok(Self(read))
    }

    /// With one reference only.
    #[must_use]
    pub fn one(system: Slug, value: ReferenceValue) -> Self {
        Self(BTreeMap::from([(system, value)]))
    }

    /// Each system with what it calls the category.
    pub fn iter(&self) -> impl Iterator<Item = (&Slug, &ReferenceValue)> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for References {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = BTreeMap::<String, String>::deserialize(deserializer)?;
        Self::parse(&pairs).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for References {
    fn schema_name() -> Cow<'static, str> {
        "References".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<ReferenceValue>();
        json_schema!({
            "type": "object",
            "patternProperties": {"^[a-z0-9-]{1,64}$": value},
            "additionalProperties": false,
            "maxProperties": Self::LIMIT,
            "description": "What other systems call the category: the code of a system and the name there, at most 20 of them.",
        })
    }
}

/// What a category says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Details {
    /// The name that people see.
    pub name: CategoryName,
    /// The name in addresses, unique among its siblings.
    pub slug: Slug,
    /// The name of an icon, or an emoji.
    #[serde(default)]
    pub icon: Option<Icon>,
    /// An https address of an image.
    #[serde(default)]
    pub image: Option<ImageLink>,
    /// What other systems call it. A value is unique in the organisation for each system.
    #[serde(default)]
    pub references: References,
}

impl Details {
    /// A name and a slug, and nothing else.
    #[must_use]
    pub fn named(name: CategoryName, slug: Slug) -> Self {
        Self { name, slug, icon: None, image: None, references: References::default() }
    }
}

/// A change of details; what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct DetailsChange {
    /// The name that people see.
    pub name: Option<CategoryName>,
    /// The name in addresses.
    pub slug: Option<Slug>,
    /// The icon; `Some(None)` takes it away.
    pub icon: Option<Option<Icon>>,
    /// The image; `Some(None)` takes it away.
    pub image: Option<Option<ImageLink>>,
    /// All references; those that are left out go.
    pub references: Option<References>,
}

impl DetailsChange {
    /// The details after the change.
    #[must_use]
    pub fn applied(self, to: &Details) -> Details {
        Details {
            name: self.name.unwrap_or_else(|| to.name.clone()),
            slug: self.slug.unwrap_or_else(|| to.slug.clone()),
            icon: self.icon.unwrap_or_else(|| to.icon.clone()),
            image: self.image.unwrap_or_else(|| to.image.clone()),
            references: self.references.unwrap_or_else(|| to.references.clone()),
        }
    }
}

fn bounded(what: &'static str, text: &str, limit: usize) -> Result<String, Malformed> {
    let trimmed = text.trim();
    let length = trimmed.chars().count();
    if length == 0 || length > limit {
        return Err(Malformed::new(what, format!("must have 1 to {limit} characters")));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Malformed::new(what, "must not contain control characters"));
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(CategoryName::parse("  Pots & pans ").unwrap().as_str(), "Pots & pans");
        for refused in ["", "   ", "a\u{0}b", &"x".repeat(121)] {
            assert!(CategoryName::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_icon_is_a_word_or_an_emoji() {
        for icon in ["lamp", "💡", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"] {
            assert_eq!(Icon::parse(icon).unwrap().as_str(), icon);
        }
        for refused in ["", " ", "a\nb", &"x".repeat(41)] {
            assert!(Icon::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_image_is_an_https_address_with_a_host() {
        for link in
            ["https://a.example/x.png", "https://cdn.example:8443/a/b?c=d#e", "https://10.0.0.1", "https://a/%20"]
        {
            assert_eq!(ImageLink::parse(link).unwrap().as_str(), link);
        }
        for refused in [
            "",
            "http://a.example/x.png",
            "javascript:alert(1)",
            "https://",
            "https:///x.png",
            "https://a..b/",
            "https://user@a.example/",
            "https://user:secret@a.example/",
            "https://a.example:0/",
            "https://a.example:port/",
            "https://a.example/a b",
            "https://a.example/\"onload=",
            "https://ä.example/",
            "https://a.example/\u{0}",
            &format!("https://a.example/{}", "x".repeat(2_000)),
        ] {
            assert!(ImageLink::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn references_are_bounded_and_a_bad_one_is_named() {
        let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(system, value)| ((*system).to_owned(), (*value).to_owned())).collect()
        };
        let read = References::parse(&pairs(&[("erp", " 10 "), ("old-shop", "a/b")])).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"erp":"10","old-shop":"a/b"}"#);
        for (bad, named) in [(("ERP", "1"), "ERP"), (("erp", ""), "erp"), (("erp", &*"x".repeat(201)), "erp")] {
            let refused = References::parse(&pairs(&[bad])).unwrap_err();
            assert!(refused.reason().contains(named), "{refused}");
        }
        let many: BTreeMap<_, _> = (0..21).map(|number| (format!("s{number}"), "x".to_owned())).collect();
        assert!(References::parse(&many).is_err());
    }
}
