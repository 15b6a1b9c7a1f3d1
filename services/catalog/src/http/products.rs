//! Products for staff: requests become commands and queries, nothing else happens here.

use std::str::FromStr;

use kernel::{CategoryId, Expected, Malformed, ProductId, Sku, Slug};
use query::{Answer, FieldList, Parameters, Request};
use rest::{
    App, Body, IdempotencyKey, IfMatch, Path, PriceBody, Problem, Query, Recorded, Staff, State, Tagged, holds, parses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::change_product::ChangeProduct;
use crate::commands::create_product::CreateProduct;
use crate::commands::restore_product::RestoreProduct;
use crate::commands::retire_product::RetireProduct;
use crate::domain::product::{NewProduct, NewSlug, NewVariant, Product, ProductChange, SettableStatus, VariantChange};
use crate::domain::wording::{Description, Title};
use crate::processes::invalidation::StaleProducts;
use crate::queries::fields::DescribeProducts;
use crate::queries::find_product::FindProduct;
use crate::queries::product_fields::Products;
use crate::queries::query_products::QueryProducts;

/// The product.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ProductPath {
    pub(super) product: ProductId,
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
    /// A category of the organisation.
    #[garde(inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Option<CategoryId>")]
    category: Option<String>,
    /// `active` when left out.
    #[garde(skip)]
    status: Option<SettableStatus>,
    /// 1 to 100 variants with different SKUs and prices in one currency.
    #[garde(length(min = 1, max = 100), dive)]
    variants: Vec<VariantBody>,
}

/// A change of a variant. A SKU that is new to the product adds a variant.
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
}

/// A change of a product. Fields that are left out stay as they are.
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
    /// A category of the organisation; null takes the product out of its category.
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
}

pub(super) async fn create(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateProductBody, 1_048_576>,
) -> Result<Recorded<Product>, Problem> {
    let command = body.command()?;
    let created: Recorded<Product> = app.create_grouped(&by, &key, &body, command, location).await?;
    stale.note_and_wait(created.reply().map(|product| (by.organisation(), product.id()))).await;
    Ok(created)
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(parameters): Query<Parameters>,
) -> Result<rest::Ok<Answer<Products>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryProducts(parameters.into())).await?))
}

pub(super) async fn query(
    app: App,
    by: Staff,
    Body(request): Body<Request<Products>>,
) -> Result<rest::Ok<Answer<Products>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryProducts(request)).await?))
}

pub(super) async fn fields(app: App, by: Staff) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeProducts).await?))
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
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<ProductPath>,
    expected: IfMatch,
    Body(body): Body<ChangeProductBody, 1_048_576>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    let changed = app.send(&by, body.command(at.product, expected.versions())?).await?;
    Ok(once_forgotten(&stale, &by, changed).await)
}

pub(super) async fn retire(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    let changed = app.send(&by, RetireProduct { product: at.product }).await?;
    Ok(once_forgotten(&stale, &by, changed).await)
}

pub(super) async fn restore(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<ProductPath>,
) -> Result<Tagged<rest::Ok<Product>>, Problem> {
    let changed = app.send(&by, RestoreProduct { product: at.product }).await?;
    Ok(once_forgotten(&stale, &by, changed).await)
}

/// The reply to a change, once the cache has forgotten what was there before. That goes for a change without effect, too: it may
/// repeat one whose answer was lost.
async fn once_forgotten(stale: &StaleProducts, by: &Staff, product: Product) -> Tagged<rest::Ok<Product>> {
    stale.note_and_wait([(by.organisation(), product.id())]).await;
    tagged(product)
}

fn tagged(product: Product) -> Tagged<rest::Ok<Product>> {
    Tagged::version(product.version(), rest::Ok(product))
}

fn location(product: &Product) -> String {
    format!("/admin/v1/products/{}", product.id())
}

impl CreateProductBody {
    fn slug(&self) -> Result<NewSlug, Malformed> {
        if let Some(asked) = &self.slug {
            return Slug::parse(asked).map(NewSlug::Asked);
        }
        let needed = "is needed, since the title has no letter or digit to make one from";
        Slug::suggest(&self.title).map(NewSlug::Suggested).ok_or(Malformed::new("slug", needed))
    }

    fn command(&self) -> Result<CreateProduct, Malformed> {
        let title = Title::parse(&self.title)?;
        let variants = self.variants.iter().map(|variant| variant.new_variant(&title)).collect::<Result<_, _>>()?;
        let product = NewProduct {
            slug: self.slug()?,
            title,
            description: Description::parse(self.description.as_deref().unwrap_or_default())?,
            category: self.category.as_deref().map(str::parse).transpose()?,
            status: self.status.unwrap_or(SettableStatus::Active),
            variants,
        };
        Ok(CreateProduct { product })
    }
}

impl VariantBody {
    fn new_variant(&self, product: &Title) -> Result<NewVariant, Malformed> {
        Ok(NewVariant {
            sku: Sku::parse(&self.sku)?,
            title: self.title.as_deref().map_or_else(|| Ok(product.clone()), Title::parse)?,
            price: self.price.money()?,
            stock: self.stock.unwrap_or(0),
            low_threshold: self.low_threshold.unwrap_or(0),
        })
    }
}

impl ChangeProductBody {
    fn command(&self, product: ProductId, expected: Expected) -> Result<ChangeProduct, Malformed> {
        let change = ProductChange {
            slug: self.slug.as_deref().map(Slug::parse).transpose()?,
            title: self.title.as_deref().map(Title::parse).transpose()?,
            description: self.description.as_deref().map(Description::parse).transpose()?,
            category: match &self.category {
                None => None,
                Some(category) => Some(category.as_deref().map(str::parse).transpose()?),
            },
            status: self.status,
            variants: self.variants.iter().map(VariantChangeBody::change).collect::<Result<_, _>>()?,
        };
        Ok(ChangeProduct { product, expected, change })
    }
}

impl VariantChangeBody {
    fn change(&self) -> Result<VariantChange, Malformed> {
        Ok(VariantChange {
            sku: Sku::parse(&self.sku)?,
            title: self.title.as_deref().map(Title::parse).transpose()?,
            price: self.price.as_ref().map(PriceBody::money).transpose()?,
            active: self.active,
        })
    }
}
