//! What clients send of products: bodies become commands. The rule: every text passes its domain type, so that a refusal names
//! all faults at once.

use std::collections::BTreeMap;
use std::str::FromStr;

use contracts::catalog::MediumKind;
use kernel::{CategoryId, Expected, Malformed, ProductId, Sku, Slug};
use rest::{FieldFault, PriceBody, Problem, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::change_product::ChangeProduct;
use crate::commands::create_product::CreateProduct;
use crate::domain::attribute::{AttributeCode, AttributeValue};
use crate::domain::barcode::Barcode;
use crate::domain::entries::Entries;
use crate::domain::locale::{DefaultLocale, Locale, Translation, TranslationChange};
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::media::{AltText, Medium, MediumUrl};
use crate::domain::options::{OptionName, OptionValue, OptionValues};
use crate::domain::product::{
    Details, DetailsChange, NewProduct, NewSlug, NewVariant, ProductChange, ProductOption, SettableStatus,
    VariantChange, VariantDetails, VariantDetailsChange,
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

/// A variant to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantBody {
    /// 1 to 64 visible ASCII characters, unique in the organisation; a SKU never changes. Since it stands in addresses, it
    /// is not the id of a variant and has no part of dots only between slashes or backslashes.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// 1 to 200 characters; the product's title when left out.
    #[garde(inner(custom(parses(Title::parse))))]
    #[schemars(with = "Option<Title>")]
    title: Option<String>,
    /// The price of one piece.
    #[garde(dive)]
    price: PriceBody,
    /// Pieces on hand; 0 when left out.
    #[garde(range(min = 0, max = 1_000_000_000))]
    stock: Option<i64>,
    /// A warning comes when this many or fewer are available; 0 when left out.
    #[garde(range(min = 0, max = 1_000_000_000))]
    low_threshold: Option<i64>,
    /// Its GTIN of 8, 12, 13 or 14 digits, unique in the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Barcode::parse))))]
    #[schemars(with = "Option<Barcode>")]
    barcode: Option<String>,
    /// Its value of each of the product's options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 3))]
    option_values: Option<OptionValues>,
    /// What one piece cost before, or elsewhere, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    compare_at: Option<PriceBody>,
    /// What one piece costs the seller, in the currency of the price; shoppers never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    cost: Option<PriceBody>,
    /// What one piece weighs, packed, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 100_000_000))]
    weight_grams: Option<i64>,
    /// How long one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000))]
    length_mm: Option<i64>,
    /// How wide one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000))]
    width_mm: Option<i64>,
    /// How high one piece is, packed, in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000))]
    height_mm: Option<i64>,
    /// What other systems call it, by the system; at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 20))]
    external_references: Option<BTreeMap<SystemName, Reference>>,
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
}

/// Texts in one language, to set or, as null, to take away.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TranslationBody {
    /// The product's name.
    #[serde(default, deserialize_with = "rest::present")]
    #[schemars(with = "Option<Title>")]
    title: Option<Option<Title>>,
    /// A sentence or two about it.
    #[serde(default, deserialize_with = "rest::present")]
    #[schemars(with = "Option<ShortDescription>")]
    short_description: Option<Option<ShortDescription>>,
    /// All about it.
    #[serde(default, deserialize_with = "rest::present")]
    #[schemars(with = "Option<Description>")]
    description: Option<Option<Description>>,
}

/// A change of a variant. A SKU that is new to the product adds a variant. Fields that are left out stay as they are.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantChangeBody {
    /// The variant's SKU.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// Its new title; required for a new variant.
    #[garde(inner(custom(parses(Title::parse))))]
    #[schemars(with = "Option<Title>")]
    title: Option<String>,
    /// Its new price; required for a new variant.
    #[garde(dive)]
    price: Option<PriceBody>,
    /// Whether it is sold from now on.
    #[garde(skip)]
    active: Option<bool>,
    /// Its GTIN of 8, 12, 13 or 14 digits, unique in the organisation.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(inner(inner(custom(parses(Barcode::parse)))))]
    #[schemars(with = "Option<Barcode>")]
    barcode: Option<Option<String>>,
    /// Its value of each of the product's options, all of them.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(skip)]
    #[schemars(with = "Option<OptionValues>", extend("maxProperties" = 3))]
    option_values: Option<Option<OptionValues>>,
    /// What one piece cost before, or elsewhere, in the currency of the price.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(dive)]
    #[schemars(with = "Option<PriceBody>")]
    compare_at: Option<Option<PriceBody>>,
    /// What one piece costs the seller, in the currency of the price; shoppers never see it.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(dive)]
    #[schemars(with = "Option<PriceBody>")]
    cost: Option<Option<PriceBody>>,
    /// What one piece weighs, packed, in grams.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(range(min = 0, max = 100_000_000))]
    #[schemars(with = "Option<Grams>")]
    weight_grams: Option<Option<i64>>,
    /// How long one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(range(min = 0, max = 1_000_000))]
    #[schemars(with = "Option<Millimetres>")]
    length_mm: Option<Option<i64>>,
    /// How wide one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(range(min = 0, max = 1_000_000))]
    #[schemars(with = "Option<Millimetres>")]
    width_mm: Option<Option<i64>>,
    /// How high one piece is, packed, in millimetres.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(range(min = 0, max = 1_000_000))]
    #[schemars(with = "Option<Millimetres>")]
    height_mm: Option<Option<i64>>,
    /// What other systems call it, by the system; an entry that is null goes, the others stay.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<SystemName, Option<Reference>>>", extend("maxProperties" = 20))]
    external_references: Option<Option<BTreeMap<SystemName, Option<Reference>>>>,
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
    #[garde(inner(custom(parses(Description::parse))))]
    #[schemars(with = "Option<Description>")]
    description: Option<String>,
    /// The primary category, in place of the former one; null takes the product out of all its categories.
    #[serde(default, deserialize_with = "rest::present")]
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
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(inner(inner(custom(parses(Brand::parse)))))]
    #[schemars(with = "Option<Brand>")]
    brand: Option<Option<String>>,
    /// A sentence or two; up to 500 characters.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(inner(inner(custom(parses(ShortDescription::parse)))))]
    #[schemars(with = "Option<ShortDescription>")]
    short_description: Option<Option<String>>,
    /// All categories of the organisation that it belongs to, the primary one first, unless `category` names it; at most 20.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(length(max = 20), inner(inner(inner(custom(parses(CategoryId::from_str))))))]
    #[schemars(with = "Option<Vec<CategoryId>>", extend("maxItems" = 20))]
    categories: Option<Option<Vec<String>>>,
    /// Words to find it by, all of them: 1 to 50 characters without a comma, at most 50.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(length(max = 50), inner(inner(inner(custom(parses(Tag::parse))))))]
    #[schemars(with = "Option<Vec<Tag>>", extend("maxItems" = 50))]
    tags: Option<Option<Vec<String>>>,
    /// Values of the organisation's attributes, by the attribute's code; a value that is null goes, the others stay.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<AttributeCode, Option<AttributeValue>>>", extend("maxProperties" = 100))]
    attributes: Option<Option<BTreeMap<AttributeCode, Option<AttributeValue>>>>,
    /// Links to its pictures and other media, all of them; at most 50.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(length(max = 50), dive)]
    #[schemars(with = "Option<Vec<MediumBody>>", extend("maxItems" = 50))]
    media: Option<Option<Vec<MediumBody>>>,
    /// What its variants differ in, all of it; at most 3. Values of an option that goes go with it.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(length(max = 3), dive)]
    #[schemars(with = "Option<Vec<OptionBody>>", extend("maxItems" = 3))]
    options: Option<Option<Vec<OptionBody>>>,
    /// What other systems call it, by the system; an entry that is null goes, the others stay.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<SystemName, Option<Reference>>>", extend("maxProperties" = 20))]
    external_references: Option<Option<BTreeMap<SystemName, Option<Reference>>>>,
    /// Its texts in other languages than its own, by locale, text by text; a language or a text that is null goes, the others
    /// stay.
    #[serde(default, deserialize_with = "rest::present")]
    #[garde(skip)]
    #[schemars(with = "Option<BTreeMap<Locale, Option<TranslationBody>>>", extend("maxProperties" = 20))]
    translations: Option<Option<BTreeMap<Locale, Option<TranslationBody>>>>,
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
        refuse_own_language(own, self.translations.iter().flat_map(BTreeMap::keys))?;
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
        })
    }
}

impl VariantBody {
    fn new_variant(&self, product: &Title) -> Result<NewVariant, Malformed> {
        let millimetres = |number: Option<i64>| number.map(Millimetres::try_from).transpose();
        Ok(NewVariant {
            sku: Sku::parse(&self.sku)?,
            title: self.title.as_deref().map_or_else(|| Ok(product.clone()), Title::parse)?,
            price: self.price.money()?,
            stock: self.stock.unwrap_or(0),
            low_threshold: self.low_threshold.unwrap_or(0),
            details: VariantDetails {
                barcode: self.barcode.as_deref().map(Barcode::parse).transpose()?,
                option_values: self.option_values.clone().unwrap_or_default(),
                compare_at: self.compare_at.as_ref().map(PriceBody::money).transpose()?,
                cost: self.cost.as_ref().map(PriceBody::money).transpose()?,
                weight_grams: self.weight_grams.map(Grams::try_from).transpose()?,
                length_mm: millimetres(self.length_mm)?,
                width_mm: millimetres(self.width_mm)?,
                height_mm: millimetres(self.height_mm)?,
                external_references: self.external_references.clone().unwrap_or_default(),
            },
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
        let translations = self.translations.iter().flatten().flatten();
        refuse_own_language(own, translations.filter(|(_, texts)| texts.is_some()).map(|(locale, _)| locale))?;
        let change = ProductChange {
            slug: self.slug.as_deref().map(Slug::parse).transpose()?,
            title: self.title.as_deref().map(Title::parse).transpose()?,
            description: self.description.as_deref().map(Description::parse).transpose()?,
            category: given(self.category.as_ref(), |text| text.parse())?,
            status: self.status,
            details: self.details()?,
            variants: self.variants.iter().map(VariantChangeBody::change).collect::<Result<_, _>>()?,
        };
        Ok(ChangeProduct { product, expected, change })
    }

    fn details(&self) -> Result<DetailsChange, Malformed> {
        let translations = self.translations.clone().map(|all| {
            let change = |texts: TranslationBody| TranslationChange {
                title: texts.title,
                short_description: texts.short_description,
                description: texts.description,
            };
            all.map(|all| all.into_iter().map(|(locale, texts)| (locale, texts.map(change))).collect())
        });
        Ok(DetailsChange {
            brand: given(self.brand.as_ref(), |text| Brand::parse(text))?,
            short_description: given(self.short_description.as_ref(), |text| ShortDescription::parse(text))?
                .map(Option::unwrap_or_default),
            categories: list(self.categories.as_ref(), |text| text.parse())?,
            tags: list(self.tags.as_ref(), |text| Tag::parse(text))?,
            attributes: Entries::written(self.attributes.clone()),
            media: list(self.media.as_ref(), MediumBody::medium)?,
            options: list(self.options.as_ref(), OptionBody::option)?,
            external_references: Entries::written(self.external_references.clone()),
            translations: Entries::written(translations),
        })
    }
}

impl VariantChangeBody {
    fn change(&self) -> Result<VariantChange, Malformed> {
        let millimetres = |number: Option<&Option<i64>>| given(number, |number| Millimetres::try_from(*number));
        Ok(VariantChange {
            sku: Sku::parse(&self.sku)?,
            title: self.title.as_deref().map(Title::parse).transpose()?,
            price: self.price.as_ref().map(PriceBody::money).transpose()?,
            active: self.active,
            details: VariantDetailsChange {
                barcode: given(self.barcode.as_ref(), |text| Barcode::parse(text))?,
                option_values: self.option_values.clone().map(Option::unwrap_or_default),
                compare_at: given(self.compare_at.as_ref(), PriceBody::money)?,
                cost: given(self.cost.as_ref(), PriceBody::money)?,
                weight_grams: given(self.weight_grams.as_ref(), |number| Grams::try_from(*number))?,
                length_mm: millimetres(self.length_mm.as_ref())?,
                width_mm: millimetres(self.width_mm.as_ref())?,
                height_mm: millimetres(self.height_mm.as_ref())?,
                external_references: Entries::written(self.external_references.clone()),
            },
        })
    }
}

/// The texts in a product's own language are its title and its descriptions themselves.
fn refuse_own_language<'l>(own: &DefaultLocale, mut locales: impl Iterator<Item = &'l Locale>) -> Result<(), Problem> {
    if locales.all(|locale| *locale != own.0) {
        return Ok(());
    }
    let reason = format!("{} is the language of the product's own title and descriptions; send those", own.0);
    Err(Problem::invalid(vec![FieldFault { field: format!("translations.{}", own.0), reason }]))
}

/// A field that is left out, null or there.
fn given<T, U, E>(field: Option<&Option<T>>, parse: impl FnOnce(&T) -> Result<U, E>) -> Result<Option<Option<U>>, E> {
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
