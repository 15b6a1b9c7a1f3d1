//! The digest of what people read of a product. The rule: a word that differs makes another digest; prices, stock, status,
//! categories, links and references make none, so whoever has to read the texts again knows when.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Product, ProductOption};
use crate::domain::attribute::Attributes;
use crate::domain::locale::Translations;
use crate::domain::options::OptionValues;
use crate::domain::wording::{Brand, Description, ShortDescription, Tag, Title};

/// What people read.
#[derive(Serialize)]
struct Words<'p> {
    title: &'p Title,
    brand: Option<&'p Brand>,
    short_description: &'p ShortDescription,
    description: &'p Description,
    tags: Vec<&'p Tag>,
    attributes: &'p Attributes,
    alternatives: Vec<Option<&'p str>>,
    options: &'p [ProductOption],
    translations: &'p Translations,
    variants: Vec<(&'p Title, &'p OptionValues)>,
}

struct Hashed(Sha256);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Product {
    /// 32 hexadecimal digits; `None` for a product that has no JSON, which there is none of.
    #[must_use]
    pub fn text_digest(&self) -> Option<String> {
        let details = &self.details;
        let words = Words {
            title: &self.title,
            brand: details.brand.as_ref(),
            short_description: &details.short_description,
            description: &self.description,
            tags: details.tags.iter().collect(),
            attributes: &details.attributes,
            alternatives: details.media.iter().map(|medium| medium.alt.as_ref().map(|alt| alt.as_str())).collect(),
            options: &details.options,
            translations: &details.translations,
            variants: self.variants.iter().map(|variant| (&variant.title, &variant.details.option_values)).collect(),
        };
        let mut hashed = Hashed(Sha256::new());
        serde_json::to_writer(&mut hashed, &words).ok()?;
        Some(hashed.0.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}
