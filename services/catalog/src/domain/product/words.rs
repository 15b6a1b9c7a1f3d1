//! The words that a product is found by. The rule: what people search for, in every language of the product; a SKU also without
//! the signs between its letters and digits. What a product is called says how well it fits, what only describes it does not.

use contracts::catalog::AttributeValue;

use super::Product;

impl Product {
    /// The most characters of what describes a product that it is found by.
    pub const MOST_DESCRIBED: usize = 4_000;

    /// Its titles, brand and tags, and the titles, SKUs and barcodes of its variants, with spaces between them.
    #[must_use]
    pub fn searched_words(&self) -> String {
        let details = &self.details;
        let mut words = vec![self.title.as_str().to_owned()];
        let translated = details.translations.values().filter_map(|texts| texts.title.as_ref());
        words.extend(translated.map(|title| title.as_str().to_owned()));
        words.extend(details.brand.iter().map(|brand| brand.as_str().to_owned()));
        words.extend(details.tags.iter().map(|tag| tag.as_str().to_owned()));
        for variant in &self.variants {
            let sku = variant.sku.as_str();
            if variant.title != self.title {
                words.push(variant.title.as_str().to_owned());
            }
            words.push(sku.to_owned());
            if !sku.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                words.push(sku.chars().filter(char::is_ascii_alphanumeric).collect());
            }
            words.extend(variant.details.barcode.iter().map(|barcode| barcode.as_str().to_owned()));
        }
        words.join(" ")
    }

    /// Its short descriptions and the texts and choices of its attributes, with spaces between them; the first
    /// [`Self::MOST_DESCRIBED`] characters.
    #[must_use]
    pub fn described_words(&self) -> String {
        let details = &self.details;
        let translated = details.translations.values().filter_map(|texts| texts.short_description.as_ref());
        let mut words = vec![details.short_description.as_str()];
        words.extend(translated.map(|text| text.as_str()));
        for value in details.attributes.values() {
            match value.plain() {
                AttributeValue::Text(text) => words.push(text),
                AttributeValue::Choices(choices) => words.extend(choices.iter().map(String::as_str)),
                AttributeValue::Boolean(_) | AttributeValue::Number(_) => {}
            }
        }
        words.join(" ").chars().take(Self::MOST_DESCRIBED).collect()
    }
}
