//! A product with its variants.
//! The rules: 1 to 100 variants with different SKUs and prices in one currency; a SKU never changes and a variant is
//! never deleted; a retired product changes only by being restored; a change without effect leaves the version as it is.

use contracts::catalog::ProductStatus;
use kernel::{CategoryId, Money, ProductId, Sku, Slug, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording::{Description, Title};

/// What a client may set a status to. A product is retired with a request of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[schemars(rename = "StatusBody")]
pub enum SettableStatus {
    /// Not sold yet.
    Draft,
    /// Sold.
    Active,
}

impl From<SettableStatus> for ProductStatus {
    fn from(status: SettableStatus) -> Self {
        match status {
            SettableStatus::Draft => Self::Draft,
            SettableStatus::Active => Self::Active,
        }
    }
}

/// One sellable variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// Its identity.
    pub id: VariantId,
    /// The seller's name of it, unique in the organisation; it never changes.
    pub sku: Sku,
    /// Its name for people, shown with its product's title.
    pub title: Title,
    /// The price of one piece.
    pub price: Money,
    /// Whether it is sold while its product is.
    pub active: bool,
}

/// A product as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    id: ProductId,
    slug: Slug,
    title: Title,
    description: Description,
    category: Option<CategoryId>,
    status: ProductStatus,
    /// In the seller's order.
    variants: Vec<Variant>,
    /// Rises by one with every change; the same number is its ETag and on its published state.
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A variant that is to be created, with its first stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVariant {
    /// The seller's name of it.
    pub sku: Sku,
    /// Its name for people, shown with its product's title.
    pub title: Title,
    /// The price of one piece.
    pub price: Money,
    /// Pieces on hand, 0 to 1,000,000,000.
    pub stock: i64,
    /// A warning comes when this many or fewer are available.
    pub low_threshold: i64,
}

/// The slug of a product that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSlug {
    /// As it was asked for. When another product has it, the creation is refused.
    Asked(Slug),
    /// As the title suggests it. When another product has it, it gets a suffix.
    Suggested(Slug),
}

/// A product that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// Its name in addresses, unique in the organisation.
    pub slug: NewSlug,
    /// Its name for people.
    pub title: Title,
    /// Its description.
    pub description: Description,
    /// Its category, if it has one.
    pub category: Option<CategoryId>,
    /// Its first status.
    pub status: SettableStatus,
    /// 1 to [`Product::MOST_VARIANTS`] variants.
    pub variants: Vec<NewVariant>,
}

/// A change of a variant. A SKU that the product does not have adds a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantChange {
    /// The variant's SKU.
    pub sku: Sku,
    /// Its new title.
    pub title: Option<Title>,
    /// Its new price.
    pub price: Option<Money>,
    /// Whether it is sold from now on.
    pub active: Option<bool>,
}

/// A change of a product. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// Its new name in addresses.
    pub slug: Option<Slug>,
    /// Its new name for people.
    pub title: Option<Title>,
    /// Its new description.
    pub description: Option<Description>,
    /// Its new category; `Some(None)` takes it out of its category.
    pub category: Option<Option<CategoryId>>,
    /// Its new status.
    pub status: Option<SettableStatus>,
    /// Variants to change or add; the others stay as they are.
    pub variants: Vec<VariantChange>,
}

/// A SKU that another product has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenSku {
    /// The SKU.
    pub sku: Sku,
    /// The product that has it.
    pub product: ProductId,
    /// Whether that product is sold.
    pub status: ProductStatus,
}

impl std::fmt::Display for TakenSku {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SKU {} belongs to {}, which is {}", self.sku, self.product, self.status.as_str())
    }
}

/// What is wrong with a product or a change of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductFault {
    /// It would have too few or too many variants.
    #[error("a product has 1 to {limit} variants, this one would have {count}", limit = Product::MOST_VARIANTS)]
    VariantCount {
        /// How many it would have.
        count: usize,
    },
    /// Two variants have the same SKU.
    #[error("SKU {sku} stands more than once")]
    RepeatedSku {
        /// The repeated SKU.
        sku: Sku,
    },
    /// The prices are in more than one currency.
    #[error("SKU {sku} has its price in {found}, but the product's other prices are in {expected}")]
    MixedCurrencies {
        /// The variant that differs.
        sku: Sku,
        /// Its currency.
        found: String,
        /// That of the first variant.
        expected: String,
    },
    /// A variant that is to be added lacks its title or its price.
    #[error("SKU {sku} is new to this product, so it needs a title and a price")]
    IncompleteVariant {
        /// The SKU of the variant.
        sku: Sku,
    },
    /// A SKU that is new cannot stand in an address.
    #[error(
        "SKU {sku} cannot stand in an address; choose one that is not the id of a variant and has no part of dots only \
         between slashes or backslashes"
    )]
    NoAddress {
        /// The SKU of the variant.
        sku: Sku,
    },
    /// It is retired.
    #[error("the product is retired; restore it first, which makes it a draft")]
    Retired,
    /// A stock figure is negative or too large.
    #[error("SKU {sku} must have from 0 to 1000000000 pieces on hand and as threshold")]
    StockOutOfBounds {
        /// The SKU of the variant.
        sku: Sku,
    },
}

impl Product {
    /// The most variants a product may have.
    pub const MOST_VARIANTS: usize = 100;

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
                active: true,
            })
            .collect();
        check_variants(&variants, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            id: ProductId::new(),
            slug: match new.slug {
                NewSlug::Asked(slug) | NewSlug::Suggested(slug) => slug,
            },
            title: new.title,
            description: new.description,
            category: new.category,
            status: new.status.into(),
            variants,
            version: 1,
            created_at: now,
            updated_at: now,
        })
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
        next.category = change.category.unwrap_or(next.category);
        next.status = change.status.map_or(next.status, ProductStatus::from);
        for variant in change.variants {
            next.change_variant(variant, &mut faults);
        }
        check_variants(&next.variants, &mut faults);
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
        *self = Self { version: self.version + 1, updated_at: now, ..next };
        true
    }

    fn change_variant(&mut self, change: VariantChange, faults: &mut Vec<ProductFault>) {
        if let Some(variant) = self.variants.iter_mut().find(|variant| variant.sku == change.sku) {
            if let Some(title) = change.title {
                variant.title = title;
            }
            variant.price = change.price.unwrap_or(variant.price);
            variant.active = change.active.unwrap_or(variant.active);
            return;
        }
        check_address(&change.sku, faults);
        match (change.title, change.price) {
            (Some(title), Some(price)) => self.variants.push(Variant {
                id: VariantId::new(),
                sku: change.sku,
                title,
                price,
                active: change.active.unwrap_or(true),
            }),
            _ => faults.push(ProductFault::IncompleteVariant { sku: change.sku }),
        }
    }

    /// A product as it was stored.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "one per column; only the projection calls it")]
    pub fn stored(
        id: ProductId,
        slug: Slug,
        title: Title,
        description: Description,
        category: Option<CategoryId>,
        status: ProductStatus,
        variants: Vec<Variant>,
        version: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Self {
        Self { id, slug, title, description, category, status, variants, version, created_at, updated_at }
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

    /// Its category, if it has one.
    #[must_use]
    pub fn category(&self) -> Option<CategoryId> {
        self.category
    }

    /// Whether it is sold.
    #[must_use]
    pub fn status(&self) -> ProductStatus {
        self.status
    }

    /// Its variants, in the seller's order.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The lowest price of an active variant, or of any when none is active.
    #[must_use]
    pub fn price_from(&self) -> Option<Money> {
        let lowest = |active_only: bool| {
            self.variants
                .iter()
                .filter(|variant| variant.active || !active_only)
                .map(|variant| variant.price)
                .min_by_key(|price| price.minor())
        };
        lowest(true).or_else(|| lowest(false))
    }

    /// The words that it is found by: its title, and the titles and SKUs of its variants, each SKU also without the signs
    /// between its letters and digits.
    #[must_use]
    pub fn searched_words(&self) -> String {
        let mut words = vec![self.title.as_str().to_owned()];
        for variant in &self.variants {
            let sku = variant.sku.as_str();
            if variant.title != self.title {
                words.push(variant.title.as_str().to_owned());
            }
            words.push(sku.to_owned());
            words.push(sku.chars().filter(char::is_ascii_alphanumeric).collect());
        }
        words.dedup();
        words.join(" ")
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

fn check_variants(variants: &[Variant], faults: &mut Vec<ProductFault>) {
    if !(1..=Product::MOST_VARIANTS).contains(&variants.len()) {
        faults.push(ProductFault::VariantCount { count: variants.len() });
    }
    let mut seen = std::collections::HashSet::new();
    for variant in variants {
        if !seen.insert(variant.sku.as_str()) {
            faults.push(ProductFault::RepeatedSku { sku: variant.sku.clone() });
        }
    }
    if let Some(first) = variants.first() {
        for variant in variants {
            if variant.price.currency() != first.price.currency() {
                faults.push(ProductFault::MixedCurrencies {
                    sku: variant.sku.clone(),
                    found: variant.price.currency().code().to_owned(),
                    expected: first.price.currency().code().to_owned(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::from_minor(minor, kernel::Currency::parse(code).unwrap()).unwrap()
    }

    fn new_variant(sku: &str) -> NewVariant {
        NewVariant {
            sku: Sku::parse(sku).unwrap(),
            title: Title::parse(sku).unwrap(),
            price: money(500, "USD"),
            stock: 0,
            low_threshold: 0,
        }
    }

    fn new_product(skus: &[&str]) -> NewProduct {
        NewProduct {
            slug: NewSlug::Asked(Slug::parse("lamp").unwrap()),
            title: Title::parse("Lamp").unwrap(),
            description: Description::default(),
            category: None,
            status: SettableStatus::Active,
            variants: skus.iter().map(|sku| new_variant(sku)).collect(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    fn change_of(sku: &str) -> VariantChange {
        VariantChange { sku: Sku::parse(sku).unwrap(), title: None, price: None, active: None }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut new = new_product(&["A", "A", "B"]);
        new.variants[2].price = money(1, "EUR");
        new.variants[2].stock = -1;
        assert_eq!(Product::create(new, at(1)).unwrap_err().len(), 3);
        assert_eq!(Product::create(new_product(&[]), at(1)).unwrap_err(), [ProductFault::VariantCount { count: 0 }]);
    }

    #[test]
    fn a_change_that_changes_nothing_leaves_the_version() {
        let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
        let same = ProductChange {
            title: Some(Title::parse("Lamp").unwrap()),
            variants: vec![VariantChange { price: Some(money(500, "USD")), ..change_of("A") }],
            ..ProductChange::default()
        };
        assert!(!product.change(same, at(2)).unwrap());
        assert_eq!((product.version(), product.updated_at()), (1, at(1)));
        let dearer = ProductChange {
            variants: vec![VariantChange { price: Some(money(600, "USD")), ..change_of("A") }],
            ..ProductChange::default()
        };
        assert!(product.change(dearer, at(2)).unwrap());
        assert_eq!((product.version(), product.updated_at()), (2, at(2)));
        assert_eq!(product.price_from(), Some(money(600, "USD")));
    }

    #[test]
    fn a_variant_is_added_whole_or_not_at_all() {
        let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
        let before = product.clone();
        let half = ProductChange { variants: vec![change_of("B")], ..ProductChange::default() };
        assert_eq!(product.change(half, at(2)).unwrap_err().len(), 1);
        assert_eq!(product, before);
        let whole =
            VariantChange { title: Some(Title::parse("B").unwrap()), price: Some(money(100, "USD")), ..change_of("B") };
        let added = ProductChange { variants: vec![whole], ..ProductChange::default() };
        assert!(product.change(added, at(2)).unwrap());
        assert_eq!(product.variants().len(), 2);
        assert_eq!(product.price_from(), Some(money(100, "USD")));
    }

    #[test]
    fn a_retired_product_changes_only_by_being_restored() {
        let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
        assert!(product.retire(at(2)));
        assert!(!product.retire(at(3)), "it was already");
        let rename = ProductChange { title: Some(Title::parse("X").unwrap()), ..ProductChange::default() };
        assert_eq!(product.change(rename.clone(), at(3)).unwrap_err(), [ProductFault::Retired]);
        let back = ProductChange { status: Some(SettableStatus::Active), ..rename.clone() };
        assert_eq!(
            product.change(back, at(3)).unwrap_err(),
            [ProductFault::Retired],
            "no change puts it on sale again"
        );
        assert!(product.restore(at(4)));
        assert!(!product.restore(at(5)), "it was already");
        assert_eq!((product.status(), product.version()), (ProductStatus::Draft, 3));
        assert!(product.change(rename, at(6)).unwrap());
    }
}
