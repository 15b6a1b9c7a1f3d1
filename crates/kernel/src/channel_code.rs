//! A sales channel: where an organisation sells, such as its own shop or a marketplace. The rule: the organisation's own
//! shop is the channel `shop`, and every organisation has it.

use crate::Malformed;

/// 1 to 32 of `a` to `z`, `0` to `9` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelCode(String);

impl ChannelCode {
    const RULE: &'static str = "must be 1 to 32 lower-case letters, digits or hyphens";

    /// # Errors
    /// When it is empty, longer than 32 characters, or has another character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("channel", Self::RULE))
        }
    }

    /// The organisation's own shop.
    #[must_use]
    pub fn shop() -> Self {
        Self("shop".to_owned())
    }
}

crate::text!(ChannelCode, {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_letters_digits_and_hyphens_are_a_channel() {
        for text in ["shop", "a", "market-2", &"x".repeat(32)] {
            assert_eq!(ChannelCode::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(ChannelCode::parse("shop").unwrap(), ChannelCode::shop());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "Shop", "my shop", "shöp", "a_b", "shop\0", &"x".repeat(33)] {
            assert!(ChannelCode::parse(text).is_err(), "{text:?}");
            assert!(serde_json::from_value::<ChannelCode>(text.into()).is_err(), "{text:?}");
        }
    }
}
