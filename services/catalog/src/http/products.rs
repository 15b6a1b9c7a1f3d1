//! Products for staff: requests become commands and queries, nothing else happens here.

use kernel::{CategoryId, Cursor, Page, PageSize, ProductId, Sku, Slug};
use rest::{App, Body, Faults, IdempotencyKey, IfMatch, Path, Problem, Query, Recorded, Staff, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::written::{PriceBody, StatusBody, suggested_slug};
use crate::commands::change_product::ChangeProduct;
use crate::commands::create_product::CreateProduct;
use crate::commands::retire_product::RetireProduct;
use crate::domain::product::{NewProduct, NewVariant, Product, ProductChange, ProductStatus, VariantChange};
use crate::domain::wording::{Description, Title};
use crate::queries::find_product::FindProduct;
use crate::queries::list_products::ListProducts;
use crate::queries::listing::{Listing, ProductSummary, Sort};

/// Which product.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ProductPath {
    product: ProductId,
}

/// Which page of which list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductFilter {
    /// Only products of this category itself, not of those below it.
    category: Option<CategoryId>,
    /// Only products of this status.
    status: Option<ProductStatus>,
    /// In which order; `title` when not said.
    sort: Option<Sort>,
    /// `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 when not said.
    #[serde(default, deserialize_with = "super::shop::page_size")]
    #[schemars(with = "Option<PageSize>")]
    limit: PageSize,
}

/// A variant to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantBody {
    /// 1 to 64 visible ASCII characters, unique in the organisation; it never changes.
    #[garde(length(bytes, min = 1, max = 64))]
    sku: String,
    /// 1 to 200 characters; the product's title when left out.
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[schemars(length(min = 1, max = 200))]
    title: Option<String>,
    /// For one piece.
    #[garde(dive)]
    price: PriceBody,
    /// Pieces on hand; 0 when left out.
    #[garde(range(min = 0, max = 1_000_000_000))]
    stock: Option<i64>,
    /// A warning comes when this many or fewer are available; 0 when left out.
    #[garde(range(min = 0, max = 1_000_000_000))]
    low_threshold: Option<i64>,
}

/// A product to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateProductBody {
    /// 1 to 64 lower-case letters, digits and hyphens, unique in the organisation; made from the title when left out.
    #[garde(inner(length(bytes, min = 1, max = 64)))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = 200))]
    title: String,
    /// Up to 10,000 characters.
    #[garde(inner(length(chars, max = 10_000)))]
    #[schemars(length(max = 10_000))]
    description: Option<String>,
    /// A category of the organisation.
    #[garde(inner(length(bytes, max = 64)))]
    #[schemars(with = "Option<CategoryId>")]
    category: Option<String>,
    /// `active` when left out.
    #[garde(skip)]
    status: Option<StatusBody>,
    /// 1 to 100 variants with different SKUs and prices in one currency.
    #[garde(length(min = 1, max = 100), dive)]
    variants: Vec<VariantBody>,
}

/// What is to be different about a variant; one whose SKU is new to the product is added.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantChangeBody {
    /// Which.
    #[garde(length(bytes, min = 1, max = 64))]
    sku: String,
    /// Its new title; needed when it is new.
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[schemars(length(min = 1, max = 200))]
    title: Option<String>,
    /// Its new price; needed when it is new.
    #[garde(dive)]
    price: Option<PriceBody>,
    /// Whether it is sold from now on.
    #[garde(skip)]
    active: Option<bool>,
}

/// What is to be different about a product; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeProductBody {
    /// 1 to 64 lower-case letters, digits and hyphens.
    #[garde(inner(length(bytes, min = 1, max = 64)))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
    /// 1 to 200 characters.
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[schemars(length(min = 1, max = 200))]
    title: Option<String>,
    /// Up to 10,000 characters.
    #[garde(inner(length(chars, max = 10_000)))]
    #[schemars(length(max = 10_000))]
    description: Option<String>,
    /// A category of the organisation; null takes the product out of its category.
    #[serde(default, deserialize_with = "stated")]
    #[garde(inner(inner(length(bytes, max = 64))))]
    #[schemars(with = "Option<CategoryId>")]
    category: Option<Option<String>>,
    /// Draft or active; a product is retired with its own request.
    #[garde(skip)]
    status: Option<StatusBody>,
    /// Variants to change or add; those not named stay.
    #[serde(default)]
    #[garde(length(max = 100), dive)]
    variants: Vec<VariantChangeBody>,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateProductBody, 1_048_576>,
) -> Result<Recorded<Product>, Problem> {
    let command = body.command()?;
    app.create(&by, &key, &body, command, location).await
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(filter): Query<ProductFilter>,
) -> Result<rest::Ok<Page<ProductSummary>>, Problem> {
    Ok(rest::Ok(app.ask(&by, filter.query()).await?))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    Ok(tagged(app.ask(&by, FindProduct { product: at.product }).await?))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<ProductPath>,
    expected: IfMatch,
    Body(body): Body<ChangeProductBody, 1_048_576>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    Ok(tagged(app.send(&by, body.command(at.product, expected.version())?).await?))
}

pub(super) async fn retire(
    app: App,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    Ok(tagged(app.send(&by, RetireProduct { product: at.product }).await?))
}

fn tagged(product: Product) -> Tagged<rest::Ok<Product>> {
    Tagged::version(product.version(), rest::Ok(product))
}

fn location(product: &Product) -> Option<String> {
    Some(format!("/admin/v1/products/{}", product.id()))
}

/// Tells a field that is null from one that is left out.
fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl ProductFilter {
    fn query(self) -> ListProducts {
        ListProducts(Listing {
            category: self.category,
            status: self.status,
            sort: self.sort.unwrap_or(Sort::Title),
            cursor: self.cursor,
            size: self.limit,
        })
    }
}

impl CreateProductBody {
    fn command(&self) -> Result<CreateProduct, Problem> {
        let mut faults = Faults::new();
        let title = faults.take("title", Title::parse(&self.title));
        let slug = match &self.slug {
            Some(slug) => faults.take("slug", Slug::parse(slug)),
            None => {
                let suggested = suggested_slug(&self.title);
                if suggested.is_none() {
                    faults.add("slug", "is needed, since the title has no ASCII letter or digit to make one from");
                }
                suggested
            }
        };
        let description =
            faults.take("description", Description::parse(self.description.as_deref().unwrap_or_default()));
        let category = optional(&mut faults, "category", self.category.as_deref(), str::parse);
        let variants = (0_usize..).zip(&self.variants);
        let variants: Vec<Option<NewVariant>> =
            variants.map(|(at, variant)| variant.new_variant(&mut faults, at, title.as_ref())).collect();
        faults.build(|| {
            Some(CreateProduct {
                product: NewProduct {
                    slug: slug?,
                    title: title?,
                    description: description?,
                    category: category?,
                    status: self.status.unwrap_or(StatusBody::Active).into(),
                    variants: variants.into_iter().collect::<Option<_>>()?,
                },
            })
        })
    }
}

impl VariantBody {
    fn new_variant(&self, faults: &mut Faults, at: usize, product: Option<&Title>) -> Option<NewVariant> {
        let sku = faults.take(format!("variants[{at}].sku"), Sku::parse(&self.sku));
        let title = match &self.title {
            Some(title) => faults.take(format!("variants[{at}].title"), Title::parse(title)),
            None => product.cloned(),
        };
        let price = self.price.money(faults, &format!("variants[{at}].price"));
        Some(NewVariant {
            sku: sku?,
            title: title?,
            price: price?,
            stock: self.stock.unwrap_or(0),
            low_threshold: self.low_threshold.unwrap_or(0),
        })
    }
}

impl ChangeProductBody {
    fn command(&self, product: ProductId, expected: i64) -> Result<ChangeProduct, Problem> {
        let mut faults = Faults::new();
        let slug = optional(&mut faults, "slug", self.slug.as_deref(), Slug::parse);
        let title = optional(&mut faults, "title", self.title.as_deref(), Title::parse);
        let description = optional(&mut faults, "description", self.description.as_deref(), Description::parse);
        let category = match &self.category {
            None => Some(None),
            Some(text) => optional(&mut faults, "category", text.as_deref(), str::parse).map(Some),
        };
        let variants = (0_usize..).zip(&self.variants);
        let variants: Vec<Option<VariantChange>> =
            variants.map(|(at, variant)| variant.change(&mut faults, at)).collect();
        faults.build(|| {
            let change = ProductChange {
                slug: slug?,
                title: title?,
                description: description?,
                category: category?,
                status: self.status.map(ProductStatus::from),
                variants: variants.into_iter().collect::<Option<_>>()?,
            };
            Some(ChangeProduct { product, expected, change })
        })
    }
}

impl VariantChangeBody {
    fn change(&self, faults: &mut Faults, at: usize) -> Option<VariantChange> {
        let sku = faults.take(format!("variants[{at}].sku"), Sku::parse(&self.sku));
        let title = optional(faults, &format!("variants[{at}].title"), self.title.as_deref(), Title::parse);
        let price = match &self.price {
            None => Some(None),
            Some(price) => price.money(faults, &format!("variants[{at}].price")).map(Some),
        };
        Some(VariantChange { sku: sku?, title: title?, price: price?, active: self.active })
    }
}

/// The outer `None` is a fault, the inner one a field that is left out.
fn optional<T, E: std::fmt::Display>(
    faults: &mut Faults,
    field: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => faults.take(field, parse(text)).map(Some),
    }
}
