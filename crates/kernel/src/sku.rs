//! A stock keeping unit: the seller's own name of one variant, unique in an organisation. The rule: upper and lower
//! case are kept and differ.

use crate::Malformed;

/// 1 to 64 visible ASCII characters without spaces.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sku(String);

impl Sku {
    const RULE: &'static str = "must be 1 to 64 visible ASCII characters without spaces";

    /// # Errors
    /// When it is empty, longer than 64 characters, or has a character that is not visible ASCII.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("sku", Self::RULE))
        }
    }
}

crate::text!(Sku, {"type": "string", "pattern": "^[!-~]{1,64}$"});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_its_rule() {
        let longest = "x".repeat(64);
        for text in ["A", "ABC-1/2.3", "a_b", "{\"}", &longest] {
            assert_eq!(Sku::parse(text).unwrap().as_str(), text);
        }
        let longer = "x".repeat(65);
        for text in ["", " ", "A B", "A\n", "Ä", "A\0", &longer] {
            assert!(Sku::parse(text).is_err(), "{text:?}");
        }
        assert_ne!(Sku::parse("abc").unwrap(), Sku::parse("ABC").unwrap());
    }

    #[test]
    fn json_holds_it_too() {
        assert_eq!(serde_json::to_string(&Sku::parse("A\"1").unwrap()).unwrap(), r#""A\"1""#);
        assert_eq!(serde_json::from_str::<Sku>(r#""A\"1""#).unwrap().as_str(), "A\"1");
        assert!(serde_json::from_str::<Sku>(r#""A 1""#).is_err());
    }
}
