//! The free texts of an order's life. The rule: what exists is trimmed, bounded and without control characters.

use kernel::Malformed;

/// The name of a carrier or of a way to pay, or somebody's number of a thing: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Label(String);

impl Label {
    /// The longest label, in characters.
    pub const LIMIT: usize = 100;

    /// Trims and checks a label.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.chars().count() > Self::LIMIT || trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("label", "must have 1 to 100 characters and no control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(Label, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// Why something was done with an order, or what there is to say about it: 1 to 1,000 characters, line breaks included.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Remark(String);

impl Remark {
    /// The longest remark, in characters.
    pub const LIMIT: usize = 1_000;

    /// Trims and checks a remark.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character other than a line break.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        let unwanted = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\r' | '\t');
        if trimmed.is_empty() || trimmed.chars().count() > Self::LIMIT || trimmed.chars().any(unwanted) {
            let rule = "must have 1 to 1000 characters and no control characters other than line breaks and tabs";
            return Err(Malformed::new("remark", rule));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(Remark, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});
