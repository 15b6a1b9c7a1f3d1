//! The free texts of a product and of its stock. The rule: what exists is trimmed, bounded and free of control characters.

use kernel::Malformed;

/// Trims a text of 1 to `limit` characters on one line.
pub(super) fn line(what: &'static str, text: &str, limit: usize) -> Result<String, Malformed> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.chars().count() > limit {
        return Err(Malformed::new(what, format!("must have 1 to {limit} characters")));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Malformed::new(what, "must not have control characters"));
    }
    Ok(trimmed.to_owned())
}

/// Trims a text of up to `limit` characters, line breaks included.
fn paragraphs(what: &'static str, text: &str, limit: usize) -> Result<String, Malformed> {
    let trimmed = text.trim();
    if trimmed.chars().count() > limit {
        return Err(Malformed::new(what, format!("must have at most {limit} characters")));
    }
    let unwanted = |one: char| one.is_control() && !matches!(one, '\n' | '\r' | '\t');
    if trimmed.chars().any(unwanted) {
        return Err(Malformed::new(what, "must not have control characters other than line breaks and tabs"));
    }
    Ok(trimmed.to_owned())
}

/// What people see as the name of a product or a variant: 1 to 200 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// The longest title, in characters.
    pub const LIMIT: usize = 200;

    /// Trims and checks a title.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("title", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(Title, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// The description of a product: up to 10,000 characters, line breaks included. May be empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The longest description, in characters.
    pub const LIMIT: usize = 10_000;

    /// Trims and checks a description.
    ///
    /// # Errors
    /// When it is too long, or has control characters other than line breaks and tabs.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        paragraphs("description", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(Description, {"type": "string", "maxLength": Self::LIMIT});

/// A sentence or two about a product: up to 500 characters, line breaks included. May be empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ShortDescription(String);

impl ShortDescription {
    /// The longest short description, in characters.
    pub const LIMIT: usize = 500;

    /// Trims and checks a short description.
    ///
    /// # Errors
    /// When it is too long, or has control characters other than line breaks and tabs.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        paragraphs("short_description", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(ShortDescription, {"type": "string", "maxLength": Self::LIMIT});

/// Who makes a product: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Brand(String);

impl Brand {
    /// The longest brand, in characters.
    pub const LIMIT: usize = 100;

    /// Trims and checks a brand.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("brand", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(Brand, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// A word to find a product by: 1 to 50 characters on one line without a comma, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The longest tag, in characters.
    pub const LIMIT: usize = 50;
    /// The most tags of a product.
    pub const MOST: usize = 50;

    /// Trims a tag, turns it into lower case and checks it.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a comma or a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.contains(',') {
            return Err(Malformed::new("tag", "must not have a comma, which stands between tags"));
        }
        line("tag", &text.to_lowercase(), Self::LIMIT).map(Self)
    }
}

kernel::text!(Tag, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// Why stock was adjusted, for people who read the ledger: up to 200 characters on one line. May be empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Remark(String);

impl Remark {
    /// The longest remark, in characters.
    pub const LIMIT: usize = 200;

    /// Trims and checks a remark.
    ///
    /// # Errors
    /// When it is too long, or has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.chars().count() > Self::LIMIT || trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("reason", "must have at most 200 characters and no control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(Remark, {"type": "string", "maxLength": Self::LIMIT});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_trimmed_and_bounded() {
        assert_eq!(Title::parse("  Bàn phím cơ ").unwrap().as_str(), "Bàn phím cơ");
        assert!(Title::parse(&"ữ".repeat(200)).is_ok());
        for wrong in ["", "   ", "a\0b", "two\nlines", &"x".repeat(201)] {
            assert!(Title::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_tag_is_a_word_in_lower_case() {
        assert_eq!(Tag::parse(" Đèn BÀN ").unwrap().as_str(), "đèn bàn");
        for wrong in ["", " ", "a,b", "a\nb", &"x".repeat(51)] {
            assert!(Tag::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_description_may_have_lines_and_may_be_empty() {
        assert_eq!(Description::parse("").unwrap(), Description::default());
        assert_eq!(Description::parse("one\ntwo\t3").unwrap().as_str(), "one\ntwo\t3");
        for wrong in ["a\0b", &"x".repeat(10_001)] {
            assert!(Description::parse(wrong).is_err());
        }
    }
}
