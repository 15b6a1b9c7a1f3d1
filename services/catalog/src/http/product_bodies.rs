//! What clients send of products: bodies become commands. The rule: every text passes its domain type, so that a refusal names
//! all faults at once.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use contracts::catalog::{Listing, MediumKind};
use kernel::{CategoryId, ChannelCode, Expected, Malformed, ProductId, Slug};
use rest::{Problem, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::variant_bodies::{VariantBody, VariantChangeBody};
use crate::commands::change_product::ChangeProduct;
use crate::commands::create_product::CreateProduct;
use crate::domain::attribute::{AttributeCode, AttributeValue};
use crate::domain::entries::Entries;
use crate::domain::locale::{DefaultLocale, Locale, Translation, TranslationChange};
use crate::domain::media::{AltText, Medium, MediumUrl};
use crate::domain::options::{OptionName, OptionValue};
use crate::domain::product::{
    Details, DetailsChange, NewProduct, NewSlug, ProductChange, ProductOption, SettableStatus,
};
use crate::domain::reference::{Reference, SystemName};
use crate::domain::wording::{Brand, Description, ShortDescription, Tag, Title};

/// A link to a picture, a film or a document.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct MediumBody {
    /// `https://` or `http://`, up to 2,000 visible ASCII characters.
    #[garde(custom(parses(MediumUrl::parse)))]
    #[schemars(with = "MediumUrl")]
    url: String,
    /// What it is.
    #[garde(skip)]
    kind: MediumKind,
    /// What it shows, for those who do not see it; 1 to 300 characters.
    #[garde(inner(custom(parses(AltText::parse))))]
    #[schemars(with = "Option<AltText>")]
    alt: Option<String>,
}

/// What variants differ in: size, colour.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionBody {
    /// 1 to 50 characters.
    #[garde(custom(parses(OptionName::parse)))]
    #[schemars(with = "OptionName")]
    name: String,
    /// 1 to 100 different values of 1 to 100 characters, in the order in which they are shown.
    #[garde(length(min = 1, max = 100), inner(custom(parses(OptionValue::parse))))]
    #[schemars(length(min = 1, max = 100), with = "Vec<OptionValue>")]
    values: Vec<String>,
}

/// A product to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateProductBody {
    /// 1 to 64 lower-case letters, digits and hyphens, unique in the organisation. Left out, it is made
    /// from the title, with a suffix when another product has it.
    #[garde(custom(holds(self.slug())))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
    /// 1 to 200 characters.
    #[garde(custom(parses(Title::parse)))]
    #[schemars(with = "Title")]
    title: String,
    /// Up to 10,000 characters.
    #[garde(inner(custom(parses(Description::parse))))]
    #[schemars(with = "Option<Description>")]
    description: Option<String>,
    /// The primary category, one of the organisation; the first one of `categories` when left out.
    #[garde(inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Option<CategoryId>")]
    category: Option<String>,
    /// `active` when left out.
    #[garde(skip)]
    status: Option<SettableStatus>,
    /// 1 to 100 variants with different SKUs and prices in one currency.
    #[garde(length(min = 1, max = 100), dive)]
    variants: Vec<VariantBody>,
    /// Who makes it; 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Brand::parse))))]
    #[schemars(with = "Option<Brand>")]
    brand: Option<String>,
    /// A sentence or two; up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(ShortDescription::parse))))]
    #[schemars(with = "Option<ShortDescription>")]
    short_description: Option<String>,
    /// All categories of the organisation that it belongs to, the primary one first; at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(max = 20), inner(inner(custom(parses(CategoryId::from_str)))))]
    #[schemars(with = "Option<Vec<CategoryId>>", extend("maxItems" = 20))]
    categories: Option<Vec<String>>,
    /// Words to find it by: 1 to 50 characters without a comma, at most 50 of them. Capitals become small letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(max = 50), inner(inner(custom(parses(Tag::parse)))))]
    #[schemars(with = "Option<Vec<Tag>>", extend("maxItems" = 50))]
    tags: Option<Vec<String>>,
    /// Values of the organisation's attributes, by the attribute's code; at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 100))]
    attributes: Option<BTreeMap<AttributeCode, AttributeValue>>,
    /// Links to its pictures and other media; at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(max = 50), dive)]
    #[schemars(extend("maxItems" = 50))]
    media: Option<Vec<MediumBody>>,
    /// What its variants differ in; at most 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(max = 3), dive)]
    #[schemars(extend("maxItems" = 3))]
    options: Option<Vec<OptionBody>>,
    /// What other systems call it, by the system; at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 20))]
    external_references: Option<BTreeMap<SystemName, Reference>>,
    /// Its texts in other languages than its own, by locale (`vi`, `pt-BR`); at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 20))]
    translations: Option<BTreeMap<Locale, Translation>>,
    /// The sales channels that it is sold in, at most 50; in every one when null or left out, in none when empty.
    #[serde(default, skip_serializing_if = "Listing::is_everywhere")]
    #[garde(skip)]
    channels: Listing,
}

/// A change of a product. Fields that are left out stay as they are, null clears one, and lists are replaced.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeProductBody {
    /// 1 to 64 lower-case letters, digits and hyphens.
    #[garde(inner(custom(parses(Slug::parse))))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
    /// 1 to 200 characters.
    #[garde(inner(custom(parses(Title::parse))))]
    #[schemars(with = "Option<Title>")]
    title: Option<String>,
    /// Up to 10,000 characters.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(Description::parse)))))]
    #[schemars(with = "Option<Description>")]
    description: Option<Option<String>>,
    /// The primary category, in place of the former one; null takes the product out of all its categories.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(CategoryId::from_str)))))]
    #[schemars(with = "Option<CategoryId>")]
    category: Option<Option<String>>,
    /// Draft or active; a product is retired and restored with requests of their own.
    #[garde(skip)]
    status: Option<SettableStatus>,
    /// Variants to change or add; the others stay as they are.
    #[serde(default)]
    #[garde(length(max = 100), dive)]
    variants: Vec<VariantChangeBody>,
    /// Who makes it; 1 to 100 characters.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(Brand::parse)))))]
    #[schemars(with = "Option<Brand>")]
    brand: Option<Option<String>>,
    /// A sentence or two; up to 500 characters.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(ShortDescription::parse)))))]
    #[schemars(with = "Option<ShortDescription>")]
    short_description: Option<Option<String>>,
    /// All categories of the organisation that it belongs to, the primary one first, unless `category` names it; at most 20.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(length(max = 20), inner(inner(inner(custom(parses(CategoryId::from_str))))))]
    #[schemars(with = "Option<Vec<CategoryId>>", extend("maxItems" = 20))]
    categories: Option<Option<Vec<String>>>,
    /// Words to find it by, all of them: 1 to 50 characters without a comma, at most 50.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(length(max = 50), inner(inner(inner(custom(parses(Tag::parse))))))]
    #[schemars(with = "Option<Vec<Tag>>", extend("maxItems" = 50))]
    tags: Option<Option<Vec<String>>>,
    /// Values of the organisation's attributes, by the attribute's code; a value that is null goes, the others stay.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<AttributeCode, Option<AttributeValue>>>", extend("maxProperties" = 100))]
    attributes: Entries<AttributeCode, AttributeValue>,
    /// Links to its pictures and other media, all of them; at most 50.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(length(max = 50), dive)]
    #[schemars(with = "Option<Vec<MediumBody>>", extend("maxItems" = 50))]
    media: Option<Option<Vec<MediumBody>>>,
    /// What its variants differ in, all of it; at most 3. Values of an option that goes go with it.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(length(max = 3), dive)]
    #[schemars(with = "Option<Vec<OptionBody>>", extend("maxItems" = 3))]
    options: Option<Option<Vec<OptionBody>>>,
    /// What other systems call it, by the system; an entry that is null goes, the others stay.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<SystemName, Option<Reference>>>", extend("maxProperties" = 20))]
    external_references: Entries<SystemName, Reference>,
    /// Its texts in other languages than its own, by locale, text by text; a language or a text that is null goes, the others
    /// stay.
    #[serde(default)]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<Locale, Option<TranslationChange>>>", extend("maxProperties" = 20))]
    translations: Entries<Locale, TranslationChange>,
    /// The sales channels that it is sold in, all of them, at most 50; null lets it be sold in every one, an empty list in none.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(skip)]
    #[schemars(with = "Listing")]
    channels: Option<Option<BTreeSet<ChannelCode>>>,
}

impl CreateProductBody {
    fn slug(&self) -> Result<NewSlug, Malformed> {
        if let Some(asked) = &self.slug {
            return Slug::parse(asked).map(NewSlug::Asked);
        }
        let needed = "is needed, since the title has no letter or digit to make one from";
        Slug::suggest(&self.title).map(NewSlug::Suggested).ok_or(Malformed::new("slug", needed))
    }

    pub(super) fn command(&self, own: &DefaultLocale) -> Result<CreateProduct, Problem> {
        own.check(self.translations.iter().flat_map(BTreeMap::keys))?;
        let title = Title::parse(&self.title)?;
        let variants = self.variants.iter().map(|variant| variant.new_variant(&title)).collect::<Result<_, _>>()?;
        let product = NewProduct {
            slug: self.slug()?,
            title,
            description: Description::parse(self.description.as_deref().unwrap_or_default())?,
            category: self.category.as_deref().map(str::parse).transpose()?,
            status: self.status.unwrap_or(SettableStatus::Active),
            details: self.details()?,
            variants,
        };
        Ok(CreateProduct { product })
    }

    fn details(&self) -> Result<Details, Malformed> {
        Ok(Details {
            brand: self.brand.as_deref().map(Brand::parse).transpose()?,
            short_description: ShortDescription::parse(self.short_description.as_deref().unwrap_or_default())?,
            categories: all(self.categories.as_deref(), |text| text.parse())?,
            tags: all(self.tags.as_deref(), |text| Tag::parse(text))?,
            attributes: self.attributes.clone().unwrap_or_default(),
            media: all(self.media.as_deref(), MediumBody::medium)?,
            options: all(self.options.as_deref(), OptionBody::option)?,
            external_references: self.external_references.clone().unwrap_or_default(),
            translations: self.translations.clone().unwrap_or_default(),
            channels: self.channels.clone(),
        })
    }
}

impl MediumBody {
    fn medium(&self) -> Result<Medium, Malformed> {
        let alt = self.alt.as_deref().map(AltText::parse).transpose()?;
        Ok(Medium { url: MediumUrl::parse(&self.url)?, kind: self.kind, alt })
    }
}

impl OptionBody {
    fn option(&self) -> Result<ProductOption, Malformed> {
        let values = self.values.iter().map(|value| OptionValue::parse(value)).collect::<Result<_, _>>()?;
        Ok(ProductOption { name: OptionName::parse(&self.name)?, values })
    }
}

impl ChangeProductBody {
    pub(super) fn command(
        &self,
        product: ProductId,
        expected: Expected,
        own: &DefaultLocale,
    ) -> Result<ChangeProduct, Problem> {
        own.check(self.translations.set())?;
        let change = ProductChange {
            slug: self.slug.as_deref().map(Slug::parse).transpose()?,
            title: self.title.as_deref().map(Title::parse).transpose()?,
            description: given(self.description.as_ref(), |text| Description::parse(text))?
                .map(Option::unwrap_or_default),
            category: given(self.category.as_ref(), |text| text.parse())?,
            status: self.status,
            details: self.details()?,
            variants: self.variants.iter().map(VariantChangeBody::change).collect::<Result<_, _>>()?,
        };
        Ok(ChangeProduct { product, expected, change })
    }

    fn details(&self) -> Result<DetailsChange, Malformed> {
        Ok(DetailsChange {
            brand: given(self.brand.as_ref(), |text| Brand::parse(text))?,
            short_description: given(self.short_description.as_ref(), |text| ShortDescription::parse(text))?
                .map(Option::unwrap_or_default),
            categories: list(self.categories.as_ref(), |text| text.parse())?,
            tags: list(self.tags.as_ref(), |text| Tag::parse(text))?,
            attributes: self.attributes.clone(),
            media: list(self.media.as_ref(), MediumBody::medium)?,
            options: list(self.options.as_ref(), OptionBody::option)?,
            external_references: self.external_references.clone(),
            translations: self.translations.clone(),
            channels: self.channels.clone().map(Listing::from),
        })
    }
}

/// A field that is left out, null or there.
pub(super) fn given<T, U, E>(
    field: Option<&Option<T>>,
    parse: impl FnOnce(&T) -> Result<U, E>,
) -> Result<Option<Option<U>>, E> {
    field.map(|value| value.as_ref().map(parse).transpose()).transpose()
}

/// The items of a list; none when there is no list.
fn all<T, U, E, C: FromIterator<U>>(list: Option<&[T]>, parse: impl Fn(&T) -> Result<U, E>) -> Result<C, E> {
    list.unwrap_or_default().iter().map(parse).collect()
}

/// A list that is left out or replaced; null replaces it with an empty one.
fn list<T, U, E, C: FromIterator<U>>(
    field: Option<&Option<Vec<T>>>,
    parse: impl Fn(&T) -> Result<U, E>,
) -> Result<Option<C>, E> {
    field.map(|items| all(items.as_deref(), parse)).transpose()
}
