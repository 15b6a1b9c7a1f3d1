//! A name that stands in an address. The rule: lower-case ASCII letters, digits and hyphens only.

use deunicode::deunicode_with_tofu;

use crate::{Id, Kind, Malformed};

/// The longest slug, in characters.
const LONGEST: usize = 64;

/// The characters behind the hyphen of a suffix.
const SUFFIX: usize = 6;

/// 1 to 64 of `a` to `z`, `0` to `9` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    const RULE: &'static str = "must be 1 to 64 lower-case letters, digits or hyphens";

    /// # Errors
    /// When it is empty, longer than 64 characters, or has another character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("slug", Self::RULE))
        }
    }

    /// The slug that a title in any script suggests: its words in Latin letters, joined by hyphens. As many whole words
    /// as fit; only a first word that is too long on its own is cut. `None` when the title has no letter and no digit.
    #[must_use]
    pub fn suggest(title: &str) -> Option<Self> {
        // What has no Latin spelling separates words, as a space does; an apostrophe ("Levi's", a soft sign) does not.
        let latin = deunicode_with_tofu(title, " ").replace(['\'', '`'], "").to_ascii_lowercase();
        let mut words = latin.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut slug = words.next()?.to_owned();
        slug.truncate(LONGEST);
        for word in words {
            if slug.len() + 1 + word.len() > LONGEST {
                break;
            }
            slug.push('-');
            slug.push_str(word);
        }
        Some(Self(slug))
    }

    /// The slug of a thing whose suggested slug another one has: the same with a hyphen and six characters of the thing's
    /// own id behind it. Two things differ in them but for one case in a thousand million.
    #[must_use]
    pub fn suffixed<K: Kind>(&self, id: Id<K>) -> Self {
        let digits = id.to_string();
        let suffix = &digits[digits.len() - SUFFIX..];
        let room = self.0.len().min(LONGEST - SUFFIX - 1);
        Self(format!("{}-{suffix}", self.0[..room].trim_end_matches('-')))
    }
}

crate::text!(Slug, {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_holds_its_rule() {
        for text in ["a", "lamps-2026", "0", "-"] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        let longer = "x".repeat(65);
        for text in ["", "A", "a b", "ä", "a_b", "a/b", "..", &longer] {
            assert!(Slug::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_title_of_any_script_suggests_a_readable_slug() {
        for (title, slug) in [
            ("Lamp (Black), 40 cm", "lamp-black-40-cm"),
            ("Đèn bàn gỗ", "den-ban-go"),
            ("Đe\u{300}n ba\u{300}n gô\u{303}", "den-ban-go"),
            ("Настольная лампа", "nastolnaia-lampa"),
            ("ランプ", "ranpu"),
            ("مصباح", "msbh"),
            ("木灯", "mu-deng"),
            ("Straße & Café", "strasse-cafe"),
            ("Levi's — 501", "levis-501"),
        ] {
            assert_eq!(Slug::suggest(title).unwrap().as_str(), slug, "{title}");
        }
    }

    #[test]
    fn a_long_title_suggests_whole_words_and_a_longer_word_is_cut() {
        assert_eq!(Slug::suggest(&"long ".repeat(40)).unwrap().as_str(), ["long"; 13].join("-"));
        assert_eq!(Slug::suggest(&"x".repeat(100)).unwrap().as_str(), "x".repeat(64));
    }

    #[test]
    fn a_title_without_letters_and_digits_suggests_nothing() {
        for title in ["", " ", "--", "!?'"] {
            assert_eq!(Slug::suggest(title), None, "{title:?}");
        }
    }

    #[test]
    fn a_suffix_tells_things_of_one_title_apart() {
        for text in ["lamp", "-", &"x".repeat(64), &format!("{}-{}", "x".repeat(56), "y".repeat(7))] {
            let slug = Slug::parse(text).unwrap();
            let suffixed: std::collections::HashSet<Slug> =
                (0..1_000).map(|_| slug.suffixed(crate::ProductId::new())).collect();
            assert_eq!(suffixed.len(), 1_000, "{text}");
            assert!(suffixed.iter().all(|one| Slug::parse(one.as_str()).as_ref() == Ok(one)), "{suffixed:?}");
        }
        let id: crate::ProductId = "prod_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        assert_eq!(Slug::parse("lamp").unwrap().suffixed(id).as_str(), "lamp-4sn02q");
    }

    proptest! {
        #[test]
        fn what_a_title_suggests_is_a_slug(title in "\\PC{0,300}") {
            if let Some(slug) = Slug::suggest(&title) {
                prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug.clone()));
                prop_assert!(!slug.as_str().starts_with('-') && !slug.as_str().ends_with('-'));
            }
        }

        #[test]
        fn a_letter_or_a_digit_is_enough_for_a_slug(before in "\\PC{0,300}", letter in "[a-zA-Z0-9àéîõüđ]") {
            prop_assert!(Slug::suggest(&(before + &letter)).is_some());
        }
    }
}
