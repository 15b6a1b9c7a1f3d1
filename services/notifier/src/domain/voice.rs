//! In what words people are told: their language, their clocks, and where they look an order up.
//! The rule: whatever an address holds, it cannot leave the attribute that it stands in.

use std::str::FromStr;

use kernel::{Malformed, OrderId, TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::Template;

/// The language of messages.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Vietnamese.
    Vi,
}

impl Language {
    /// Reads its code.
    ///
    /// # Errors
    /// When nothing is written in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        kernel::parse_name("language", text)
    }
}

/// How a target is spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Voice {
    /// The language of its messages.
    pub language: Language,
    /// Whose clocks the times in them are of.
    pub time_zone: TimeZone,
    /// Where an order is looked up; none: orders are named without a link.
    pub order_link: Option<OrderLink>,
    /// What it says in its own words.
    pub templates: Vec<Template>,
}

/// The address of an order's page: `https://shop.example/orders/{order}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLink(String);

/// What the id of the order takes the place of.
const ORDER: &str = "{order}";
/// The longest address, in characters.
const LONGEST: usize = 500;

impl OrderLink {
    /// Reads an address with `{order}` where the order's id belongs.
    ///
    /// # Errors
    /// When it does not begin with `https://` or `http://`, names no order, has another placeholder, or is too long.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = |reason: String| Err(Malformed::new("link", reason));
        let filled = text.replace(ORDER, "ord");
        if filled == text {
            return malformed(format!("must name the order as {ORDER}: https://shop.example/orders/{ORDER}"));
        }
        if filled.contains(['{', '}']) {
            return malformed(format!("has a placeholder other than {ORDER}"));
        }
        let begins = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        if !begins || text.chars().any(|sign| sign.is_whitespace() || sign.is_control()) {
            return malformed("must be a URL that begins with https:// or http://".to_owned());
        }
        if text.chars().count() > LONGEST {
            return malformed(format!("must have at most {LONGEST} characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The words as a link to the order, in Telegram's HTML. They are HTML already.
    pub(super) fn around(&self, order: OrderId, words: &str) -> String {
        let address = self.0.replace(ORDER, &order.to_string());
        let address = address.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        format!("<a href=\"{address}\">{words}</a>")
    }
}

impl FromStr for OrderLink {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_the_order_and_stays_within_its_attribute() {
        let order = OrderId::new();
        let link = OrderLink::parse("https://shop.example/orders?id={order}&a=\"><b>").unwrap();
        let html = link.around(order, "order 7");
        assert_eq!(
            html,
            format!("<a href=\"https://shop.example/orders?id={order}&amp;a=&quot;&gt;&lt;b&gt;\">order 7</a>")
        );
        let long = format!("https://shop.example/{}{{order}}", "x".repeat(500));
        for refused in
            ["", "https://shop.example", "shop.example/{order}", "javascript:{order}", "https://a/{order}/{id}", &long]
        {
            assert!(OrderLink::parse(refused).is_err(), "{refused}");
        }
    }
}
