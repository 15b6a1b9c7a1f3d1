//! The product that a slug leads to in the shop. Mostly answered from the cache.
//! The rule: a slug is that of the product that has it now, whatever its status, and only where none has it that of the one that
//! gave it up last.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{ProductId, Slug};
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

/// Asks for the product that a slug leads to.
#[derive(Debug, Clone)]
pub struct FindShopAddress {
    /// A slug that a product has or had.
    pub slug: Slug,
}

/// A product that is on sale, and the slug that it has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopAddress {
    /// The product.
    pub product: ProductId,
    /// The slug that it has now.
    pub slug: Slug,
}

#[derive(QueryableByName)]
struct AddressRow {
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Text)]
    slug: String,
}

impl Query for FindShopAddress {
    const NAME: &'static str = "catalog.find-shop-address";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopAddress;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopAddress, Error> {
        let found: Vec<AddressRow> = statement(
            "select p.product_id, p.slug
             from products p
             where p.org_id = $1 and p.status = 'active' and p.for_sale and p.product_id = coalesce(
               (select h.product_id from products h where h.org_id = $1 and h.slug = $2),
               (select f.product_id from former_slugs f where f.org_id = $1 and f.slug = $2))",
        )
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<Text, _>(self.slug.as_str())
        .load(read.connection())
        .await?;
        let row = found.into_iter().next().ok_or_else(|| Error::SlugUnknown { slug: self.slug.clone() })?;
        let slug = Slug::parse(&row.slug).map_err(|cause| Error::corrupt("product", cause))?;
        Ok(ShopAddress { product: ProductId::from_uuid(row.product_id), slug })
    }
}
