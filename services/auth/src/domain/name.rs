//! The name of an organisation or a person, as people write it: trimmed and bounded.

use kernel::Malformed;

/// 1 to 120 characters, trimmed, without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const LIMIT: usize = 120;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// `Malformed` when nothing is left after trimming, it is too long, or a control character is in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.chars().count() > Self::LIMIT {
            return Err(Malformed::new("name", "must have 1 to 120 characters"));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("name", "must not contain control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// A name that somebody chooses: one that people can see and say.
    ///
    /// # Errors
    /// As [`Name::parse`], when no letter and no digit is in it, and when it has a character that makes people read another name.
    pub fn choose(text: &str) -> Result<Self, Malformed> {
        let name = Self::parse(text)?;
        let misleads = |character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
        if name.0.chars().any(misleads) {
            return Err(Malformed::new(
                "name",
                "must not have characters that turn the direction of writing or end a line",
            ));
        }
        // The four fillers of Hangul are letters by their property, and blank.
        let blank = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
        if name.0.chars().any(|character| character.is_alphanumeric() && !blank.contains(&character)) {
            return Ok(name);
        }
        Err(Malformed::new("name", "must have a letter or a digit"))
    }
}

kernel::text!(Name, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "1 to 120 characters, trimmed, without control characters.",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_name_can_be_seen_and_is_kept_as_typed() {
        for kept in ["Ana", "Đèn Việt", "灯", "أضواء", "7", "Lamps \u{1f4a1}"] {
            assert_eq!(Name::choose(&format!(" {kept} ")).unwrap().as_str(), kept);
        }
        for refused in [
            "",
            " ",
            "\u{200b}\u{200d}",
            "\u{3164}\u{3164}",
            "\u{2800}",
            "\u{202e}",
            "Acme\u{202e}gnp.exe",
            "a\u{2028}b",
            "---",
            "a\u{0}b",
        ] {
            assert!(Name::choose(refused).is_err(), "{refused:?}");
        }
        assert!(Name::parse("\u{200b}").is_ok(), "what was stored before can be read");
    }
}
