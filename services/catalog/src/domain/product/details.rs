//! What a product says of itself beside its name, its price and its place. The rule: every part may be empty, and each is
//! bounded.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use contracts::catalog::Listing;
use kernel::CategoryId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProductOption;
use super::fault::ProductFault;
use super::variant::replace;
use crate::domain::attribute::{AttributeCode, AttributeDefinition, AttributeValue, Attributes};
use crate::domain::entries::Entries;
use crate::domain::locale::{Locale, Translation, TranslationChange, Translations};
use crate::domain::media::Medium;
use crate::domain::options;
use crate::domain::reference::{MOST_REFERENCES, Reference, References, SystemName};
use crate::domain::wording::{Brand, ShortDescription, Tag};

/// What a product says of itself beside its name, its price and its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Details {
    /// Who makes it.
    pub brand: Option<Brand>,
    /// A sentence or two about it.
    pub short_description: ShortDescription,
    /// All its categories, the primary one first.
    pub categories: Vec<CategoryId>,
    /// Words to find it by: lower case, sorted, each once.
    pub tags: BTreeSet<Tag>,
    /// The values of its attributes, by the attribute's code.
    pub attributes: Attributes,
    /// Links to its pictures and other media, in the seller's order.
    pub media: Vec<Medium>,
    /// What its variants differ in.
    pub options: Vec<ProductOption>,
    /// What other systems call it, by the system.
    pub external_references: References,
    /// Its texts in other languages, by locale.
    pub translations: Translations,
    /// The sales channels that it is sold in while it is active: null for every one.
    pub channels: Listing,
}

/// A change of a product's details. What is `None` stays, lists are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailsChange {
    /// Who makes it; `Some(None)` takes it away.
    pub brand: Option<Option<Brand>>,
    /// A sentence or two about it.
    pub short_description: Option<ShortDescription>,
    /// All its categories.
    pub categories: Option<Vec<CategoryId>>,
    /// Words to find it by.
    pub tags: Option<BTreeSet<Tag>>,
    /// The values of its attributes.
    pub attributes: Entries<AttributeCode, AttributeValue>,
    /// Links to its media.
    pub media: Option<Vec<Medium>>,
    /// What its variants differ in.
    pub options: Option<Vec<ProductOption>>,
    /// What other systems call it.
    pub external_references: Entries<SystemName, Reference>,
    /// Its texts in other languages, text by text.
    pub translations: Entries<Locale, TranslationChange>,
    /// The sales channels that it is sold in.
    pub channels: Option<Listing>,
}

impl DetailsChange {
    pub(super) fn apply(self, details: &mut Details) {
        replace(&mut details.brand, self.brand);
        replace(&mut details.short_description, self.short_description);
        replace(&mut details.categories, self.categories);
        replace(&mut details.tags, self.tags);
        self.attributes.apply(&mut details.attributes, |value, _| value);
        replace(&mut details.media, self.media);
        replace(&mut details.options, self.options);
        self.external_references.apply(&mut details.external_references, |reference, _| reference);
        let merge =
            |change: TranslationChange, texts: Option<Translation>| change.applied_to(texts.unwrap_or_default());
        self.translations.apply(&mut details.translations, merge);
        replace(&mut details.channels, self.channels);
        details.strike_out_empty_texts();
    }
}

impl From<DetailsChange> for Details {
    /// What a product begins with.
    fn from(change: DetailsChange) -> Self {
        let mut details = Self::default();
        change.apply(&mut details);
        details
    }
}

impl Details {
    /// The most categories of a product.
    pub const MOST_CATEGORIES: usize = 20;
    /// The most languages that it is translated into.
    pub const MOST_TRANSLATIONS: usize = 20;

    /// Puts the primary category first and strikes out what stands twice.
    pub(super) fn put_first(&mut self, primary: Option<CategoryId>) {
        let mut seen = HashSet::new();
        let all = primary.into_iter().chain(std::mem::take(&mut self.categories));
        self.categories = all.filter(|category| seen.insert(*category)).collect();
    }

    /// An empty text would hide that of the shop's language.
    pub(super) fn strike_out_empty_texts(&mut self) {
        self.translations.values_mut().for_each(Translation::strike_out_empty_texts);
        self.translations.retain(|_, texts| *texts != Translation::default());
    }

    pub(super) fn check(&self, faults: &mut Vec<ProductFault>) {
        let counts = [
            ("categories", self.categories.len(), Self::MOST_CATEGORIES),
            ("tags", self.tags.len(), Tag::MOST),
            ("attributes", self.attributes.len(), AttributeDefinition::MOST_OF_A_PRODUCT),
            ("media", self.media.len(), Medium::MOST),
            ("external_references", self.external_references.len(), MOST_REFERENCES),
            ("translations", self.translations.len(), Self::MOST_TRANSLATIONS),
            ("channels", self.channels.channels().map_or(0, BTreeSet::len), Listing::MOST),
        ];
        let too_many = counts.into_iter().filter(|(_, count, limit)| count > limit);
        faults.extend(too_many.map(|(field, _, limit)| ProductFault::TooMany { field, limit }));
        faults.extend(options::check(&self.options).err().map(ProductFault::Options));
    }

    /// The values of attributes that are not those of before.
    #[must_use]
    pub fn new_attributes<'d>(&'d self, before: &'d Self) -> BTreeMap<&'d AttributeCode, &'d AttributeValue> {
        self.attributes.iter().filter(|(code, value)| before.attributes.get(*code) != Some(*value)).collect()
    }

    /// The categories that are not among those of before.
    pub fn new_categories<'d>(&'d self, before: &'d Self) -> impl Iterator<Item = CategoryId> + 'd {
        self.categories.iter().copied().filter(|category| !before.categories.contains(category))
    }
}
