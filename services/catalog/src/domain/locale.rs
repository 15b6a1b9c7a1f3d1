//! The languages of a product's texts. The rule: a text that a language lacks is shown in the language of the shop, text by
//! text.

use std::collections::BTreeMap;
use std::str::FromStr;

use kernel::Malformed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording::{Description, ShortDescription, Title};

/// A language, perhaps of a script and a region: `vi`, `pt-BR`, `zh-Hant-TW`. One spelling only, so that equal languages are equal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locale(String);

impl Locale {
    /// Takes a language of two or three lower-case letters, a script of four letters and a region of two capitals, the latter
    /// two if they are needed, with hyphens between.
    ///
    /// # Errors
    /// When it is not written like that.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.split('-').peekable();
        let is = |part: &str, length: std::ops::RangeInclusive<usize>, letters: fn(u8) -> bool| {
            length.contains(&part.len()) && part.bytes().all(letters)
        };
        let language = parts.next().is_some_and(|part| is(part, 2..=3, |byte| byte.is_ascii_lowercase()));
        let is_script = |part: &&str| {
            let (first, others) = part.split_at_checked(1).unwrap_or_default();
            is(first, 1..=1, |byte| byte.is_ascii_uppercase()) && is(others, 3..=3, |byte| byte.is_ascii_lowercase())
        };
        parts.next_if(is_script);
        parts.next_if(|part| is(part, 2..=2, |byte| byte.is_ascii_uppercase()));
        if language && parts.next().is_none() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("locale", "must be a language such as vi, pt-BR or zh-Hant"))
        }
    }

    /// English.
    #[must_use]
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The language alone.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The one of these that is closest to this one: itself, or else its language alone.
    pub fn closest<'l>(&self, among: impl IntoIterator<Item = &'l Locale> + Clone) -> Option<&'l Locale> {
        let itself = among.clone().into_iter().find(|one| *one == self);
        itself.or_else(|| among.into_iter().find(|one| one.as_str() == self.language()))
    }
}

kernel::text!(Locale, {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"});

impl FromStr for Locale {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

/// The texts of a product in one language; at least one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// The product's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// A sentence or two about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<ShortDescription>,
    /// All about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
}

impl Translation {
    /// An empty text is none.
    pub(super) fn strike_out_empty_texts(&mut self) {
        self.short_description.take_if(|text| text.as_str().is_empty());
        self.description.take_if(|text| text.as_str().is_empty());
    }
}

/// The language that products' own texts are written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultLocale(pub Locale);

/// A translation into the language that the product's own texts are in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is the language of the product's own title and descriptions; send those")]
pub struct OwnLanguage(Locale);

impl DefaultLocale {
    /// Checks the languages that a product is translated into.
    ///
    /// # Errors
    /// When this one is among them.
    pub fn check<'l>(&self, locales: impl IntoIterator<Item = &'l Locale>) -> Result<(), OwnLanguage> {
        if locales.into_iter().any(|locale| *locale == self.0) { Err(OwnLanguage(self.0.clone())) } else { Ok(()) }
    }
}

impl OwnLanguage {
    /// The field that is wrong.
    #[must_use]
    pub fn field(&self) -> String {
        format!("translations.{}", self.0)
    }
}

/// A product's texts by language.
pub type Translations = BTreeMap<Locale, Translation>;

/// Texts in one language, to set or, as null, to take away. Those that are left out stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "struct TranslationBody")]
#[schemars(rename = "TranslationBody")]
pub struct TranslationChange {
    /// The product's name.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Title>")]
    pub title: Option<Option<Title>>,
    /// A sentence or two about it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<ShortDescription>")]
    pub short_description: Option<Option<ShortDescription>>,
    /// All about it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[schemars(with = "Option<Description>")]
    pub description: Option<Option<Description>>,
}

impl TranslationChange {
    /// The texts after the change.
    #[must_use]
    pub fn applied_to(self, texts: Translation) -> Translation {
        Translation {
            title: self.title.unwrap_or(texts.title),
            short_description: self.short_description.unwrap_or(texts.short_description),
            description: self.description.unwrap_or(texts.description),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(text: &str) -> Locale {
        Locale::parse(text).unwrap()
    }

    #[test]
    fn a_locale_has_one_spelling() {
        for right in ["vi", "en", "fil", "pt-BR", "zh-Hant", "zh-Hant-TW"] {
            assert_eq!(locale(right).as_str(), right);
        }
        for wrong in ["", "v", "VI", "vi-vn", "vi_VN", "english", "en-", "-en", "en-US-US", "en-Us", "zh-hant", "é"] {
            assert!(Locale::parse(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(locale("zh-Hant-TW").language(), "zh");
    }

    #[test]
    fn the_closest_is_the_same_or_its_language() {
        let known = [locale("vi"), locale("pt-BR"), locale("en")];
        assert_eq!(locale("pt-BR").closest(&known), Some(&known[1]));
        assert_eq!(locale("vi-VN").closest(&known), Some(&known[0]));
        assert_eq!(locale("pt").closest(&known), None, "another region is another language");
        assert_eq!(locale("fr").closest(&known), None);
    }

    #[test]
    fn a_change_of_a_translation_leaves_the_texts_that_it_does_not_name() {
        let title = |text: &str| Some(Title::parse(text).unwrap());
        let before = Translation { title: title("Đèn"), ..Translation::default() };
        let described = TranslationChange {
            description: Some(Some(Description::parse("Sáng").unwrap())),
            ..TranslationChange::default()
        };
        let after = described.applied_to(before.clone());
        assert_eq!((&after.title, after.description.unwrap().as_str()), (&before.title, "Sáng"));
        let untitled = TranslationChange { title: Some(None), ..TranslationChange::default() };
        assert_eq!(untitled.applied_to(before), Translation::default());
    }
}
