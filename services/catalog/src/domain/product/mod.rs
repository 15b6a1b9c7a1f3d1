//! A product with its variants.
//! The rules: 1 to 100 variants with different SKUs and prices in one currency; a SKU never changes and a variant is
//! never deleted; a retired product changes only by being restored; a change without effect leaves the version as it is; all of
//! it together has a bound.

mod changes;
mod details;
mod digest;
mod fault;
mod key;
mod prices;
#[cfg(test)]
mod tests;
mod variant;
mod words;

use contracts::catalog::ProductStatus;
use kernel::{CategoryId, ProductId, Sku, Slug, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use changes::{NewProduct, NewSlug, NewVariant, ProductChange, SettableStatus, VariantChange};
pub use details::{Details, DetailsChange};
pub use fault::{Amount, FaultPlace, ProductFault, TakenBarcode, TakenSku};
pub use key::ProductKey;
pub use prices::{Offer, PriceRefusal, PriceSet, SetPrice};
pub use variant::{Variant, VariantDetails, VariantDetailsChange, handed_on};

use super::options::OptionName;
pub use super::options::ProductOption;
use super::wording::{Description, Title};

/// A product as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    id: ProductId,
    slug: Slug,
    title: Title,
    description: Description,
    /// The primary one of its categories.
    category: Option<CategoryId>,
    status: ProductStatus,
    #[serde(flatten)]
    details: Details,
    /// In the seller's order.
    variants: Vec<Variant>,
    /// Rises by one with every change; the same number is its ETag and on its published state.
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Everything that the tables say of a product.
#[derive(Debug)]
pub struct StoredProduct {
    /// Its identity.
    pub id: ProductId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: Title,
    /// Its description.
    pub description: Description,
    /// The primary one of its categories.
    pub category: Option<CategoryId>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// What else it says of itself.
    pub details: Details,
    /// Its variants, in the seller's order.
    pub variants: Vec<Variant>,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Product {
    /// The most variants a product may have.
    pub const MOST_VARIANTS: usize = 100;
    /// The most bytes of a product as JSON. What is published of it has to fit into one record of Kafka, which is a million.
    pub const MOST_BYTES: usize = 600_000;

    /// A product that does not exist yet, in its first version.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn create(new: NewProduct, now: Timestamp) -> Result<Self, Vec<ProductFault>> {
        let mut faults = Vec::new();
        let bounds = 0..=super::stock::Level::MOST;
        for variant in &new.variants {
            if !bounds.contains(&variant.stock) || !bounds.contains(&variant.low_threshold) {
                faults.push(ProductFault::StockOutOfBounds { sku: variant.sku.clone() });
            }
            check_address(&variant.sku, &mut faults);
        }
        let variants: Vec<Variant> = new
            .variants
            .into_iter()
            .map(|variant| Variant {
                id: VariantId::new(),
                sku: variant.sku,
                title: variant.title,
                price: variant.price,
                active: variant.active,
                windows: Vec::new(),
                replaced: None,
                details: variant.details,
            })
            .collect();
        let mut details = new.details;
        details.put_first(new.category);
        details.strike_out_empty_texts();
        let created = Self {
            id: ProductId::new(),
            slug: match new.slug {
                NewSlug::Asked(slug) | NewSlug::Suggested(slug) => slug,
            },
            title: new.title,
            description: new.description,
            category: details.categories.first().copied(),
            status: new.status.into(),
            details,
            variants,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        created.check(&mut faults);
        if faults.is_empty() { Ok(created) } else { Err(faults) }
    }

    /// Puts a suffix behind the slug of a product that does not exist yet.
    pub fn suffix_slug(&mut self) {
        self.slug = self.slug.suffixed(self.id);
    }

    /// Applies a change. False when the change changes nothing; the version then stays.
    ///
    /// # Errors
    /// Every fault at once; the product is then unchanged.
    pub fn change(&mut self, change: ProductChange, now: Timestamp) -> Result<bool, Vec<ProductFault>> {
        let mut faults = Vec::new();
        if self.status == ProductStatus::Retired {
            faults.push(ProductFault::Retired);
        }
        let mut named = std::collections::HashSet::new();
        for variant in &change.variants {
            if !named.insert(variant.sku.as_str()) {
                faults.push(ProductFault::RepeatedSku { sku: variant.sku.clone() });
            }
        }
        let mut next = self.clone();
        next.slug = change.slug.unwrap_or(next.slug);
        next.title = change.title.unwrap_or(next.title);
        next.description = change.description.unwrap_or(next.description);
        next.status = change.status.map_or(next.status, ProductStatus::from);
        next.change_categories(change.category, change.details.categories.is_some());
        change.details.apply(&mut next.details);
        next.details.put_first(change.category.flatten());
        next.category = next.details.categories.first().copied();
        next.drop_values_of(&self.details.options);
        for variant in change.variants {
            next.change_variant(variant, &mut faults);
        }
        next.check(&mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(self.replace_with(next, now))
    }

    /// Takes it off sale. False when it is retired already.
    pub fn retire(&mut self, now: Timestamp) -> bool {
        let mut next = self.clone();
        next.status = ProductStatus::Retired;
        self.replace_with(next, now)
    }

    /// Makes a retired product a draft again. False when it is not retired.
    pub fn restore(&mut self, now: Timestamp) -> bool {
        let mut next = self.clone();
        if next.status == ProductStatus::Retired {
            next.status = ProductStatus::Draft;
        }
        self.replace_with(next, now)
    }

    fn replace_with(&mut self, next: Self, now: Timestamp) -> bool {
        if next == *self {
            return false;
        }
        *self = next;
        self.advance(now);
        true
    }

    /// A new primary category takes the place of the former one. When all categories are named, they are replaced anyway.
    fn change_categories(&mut self, primary: Option<Option<CategoryId>>, all_are_named: bool) {
        match primary {
            _ if all_are_named => {}
            None => {}
            Some(None) => self.details.categories.clear(),
            Some(Some(_)) => drop(self.details.categories.drain(..self.details.categories.len().min(1))),
        }
    }

    /// A variant has no value of an option that the product no longer has.
    fn drop_values_of(&mut self, former: &[ProductOption]) {
        let is_former = |name: &OptionName| former.iter().any(|option| option.name == *name);
        let Self { details, variants, .. } = self;
        for variant in variants {
            let values = &mut variant.details.option_values;
            values.retain(|name, _| !is_former(name) || details.options.iter().any(|option| option.name == *name));
        }
    }

    fn check(&self, faults: &mut Vec<ProductFault>) {
        self.details.check(faults);
        variant::check(&self.variants, &self.details.options, faults);
        let bytes = self.size();
        if bytes > Self::MOST_BYTES {
            faults.push(ProductFault::TooLarge { bytes });
        }
    }

    /// The bytes of its JSON.
    fn size(&self) -> usize {
        struct Counted(usize);
        impl std::io::Write for Counted {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += bytes.len();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut counted = Counted(0);
        // Neither counting nor a product can fail; what could not be counted would be too large.
        serde_json::to_writer(&mut counted, self).map_or(usize::MAX, |()| counted.0)
    }

    fn change_variant(&mut self, change: VariantChange, faults: &mut Vec<ProductFault>) {
        if let Some(variant) = self.variants.iter_mut().find(|variant| variant.sku == change.sku) {
            if let Some(title) = change.title {
                variant.title = title;
            }
            if let Some(price) = change.price.filter(|price| *price != variant.price) {
                variant.replaced = Some(std::mem::replace(&mut variant.price, price));
            }
            variant.active = change.active.unwrap_or(variant.active);
            change.details.apply(&mut variant.details);
            return;
        }
        check_address(&change.sku, faults);
        match (change.title, change.price) {
            (Some(title), Some(price)) => {
                let details = change.details.into();
                let active = change.active.unwrap_or(true);
                let (id, sku) = (VariantId::new(), change.sku);
                self.variants.push(Variant {
                    id,
                    sku,
                    title,
                    price,
                    active,
                    windows: Vec::new(),
                    replaced: None,
                    details,
                });
            }
            _ => faults.push(ProductFault::IncompleteVariant { sku: change.sku }),
        }
    }

    /// A product as it was stored.
    #[must_use]
    pub fn stored(stored: StoredProduct) -> Self {
        let StoredProduct { id, slug, title, description, category, status, mut details, variants, .. } = stored;
        let StoredProduct { version, created_at, updated_at, .. } = stored;
        // A replica of the release before knows the primary category only.
        match category {
            Some(_) => details.put_first(category),
            None => details.categories.clear(),
        }
        Self { id, slug, title, description, category, status, details, variants, version, created_at, updated_at }
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> ProductId {
        self.id
    }

    /// Its name in addresses.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        &self.slug
    }

    /// Its name for people.
    #[must_use]
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// Its description.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The primary one of its categories, if it has any.
    #[must_use]
    pub fn category(&self) -> Option<CategoryId> {
        self.category
    }

    /// Whether it is sold.
    #[must_use]
    pub fn status(&self) -> ProductStatus {
        self.status
    }

    /// What else it says of itself.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// Its variants, in the seller's order.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// Rises by one with every change.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it last changed.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }
}

/// A new SKU must have an address. Clients and proxies take dots between separators for another folder, escaped or not,
/// and what has the form of a variant's id names that variant.
fn check_address(sku: &Sku, faults: &mut Vec<ProductFault>) {
    let is_dots = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte == b'.');
    if sku.as_str().split(['/', '\\']).any(is_dots) || sku.as_str().parse::<VariantId>().is_ok() {
        faults.push(ProductFault::NoAddress { sku: sku.clone() });
    }
}
