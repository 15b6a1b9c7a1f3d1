//! One product with its variants, for staff.

use access::Permission;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use kernel::ProductId;
use mediator::Query;
use persistence::{ReadConn, statement};

use super::row::ProductRow;
use crate::domain::product::Product;
use crate::error::CatalogError;

/// Asks for one product.
#[derive(Debug, Clone, Copy)]
pub struct FindProduct {
    /// Which.
    pub product: ProductId,
}

impl Query for FindProduct {
    const NAME: &'static str = "catalog.find-product";
    const REQUIRES: Permission = Permission::ProductsRead;
    type Reply = Product;
    type Error = CatalogError;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Product, CatalogError> {
        load(read, self.product).await
    }
}

/// The product, whatever its status.
pub(super) async fn load(read: &mut ReadConn<'_>, product: ProductId) -> Result<Product, CatalogError> {
    let organisation = read.organisation().uuid();
    let rows: Vec<ProductRow> = statement(
        "select p.product_id, p.slug, p.title, p.description, p.category_id, p.status, p.version, p.created_at,
                p.updated_at,
                (select coalesce(json_agg(json_build_object('id', v.variant_id, 'sku', v.sku, 'title', v.title,
                           'minor', v.price_minor, 'currency', v.currency, 'active', v.active)
                         order by v.position), '[]')::text
                 from variants v where v.org_id = p.org_id and v.product_id = p.product_id) as variants
         from products p where p.org_id = $1 and p.product_id = $2",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<SqlUuid, _>(product.uuid())
    .load(read.connection())
    .await?;
    rows.into_iter().next().ok_or(CatalogError::ProductNotFound { product })?.try_into()
}
