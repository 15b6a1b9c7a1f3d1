//! One product as the public shop shows it: active, with the variants that are sold. Mostly answered from the cache.

use access::Permission;
use contracts::catalog::ProductStatus;
use kernel::{CategoryId, Money, ProductId, Sku, Slug, VariantId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::product::Product;
use crate::domain::wording::{Description, Title};
use crate::error::Error;
use crate::projections;

/// Asks for one product of the shop.
#[derive(Debug, Clone, Copy)]
pub struct FindShopProduct {
    /// The product.
    pub product: ProductId,
}

/// A product as shoppers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopProduct {
    id: ProductId,
    slug: Slug,
    title: Title,
    description: Description,
    category: Option<CategoryId>,
    /// Those that are sold, in the seller's order.
    variants: Vec<ShopVariant>,
    /// Rises with every change; also its ETag.
    version: i64,
}

/// A variant as shoppers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopVariant {
    id: VariantId,
    sku: Sku,
    title: Title,
    price: Money,
}

impl Query for FindShopProduct {
    const NAME: &'static str = "catalog.find-shop-product";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopProduct;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopProduct, Error> {
        let organisation = read.organisation();
        let product = projections::product::by_id(read.connection(), organisation, self.product).await?;
        if product.status() == ProductStatus::Active {
            Ok(ShopProduct::from(&product))
        } else {
            Err(Error::ProductNotFound { product: self.product })
        }
    }
}

impl From<&Product> for ShopProduct {
    fn from(product: &Product) -> Self {
        Self {
            id: product.id(),
            slug: product.slug().clone(),
            title: product.title().clone(),
            description: product.description().clone(),
            category: product.category(),
            variants: product
                .variants()
                .iter()
                .filter(|variant| variant.active)
                .map(|variant| ShopVariant {
                    id: variant.id,
                    sku: variant.sku.clone(),
                    title: variant.title.clone(),
                    price: variant.price,
                })
                .collect(),
            version: product.version(),
        }
    }
}
