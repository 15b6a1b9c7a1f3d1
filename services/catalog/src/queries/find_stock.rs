//! The stock of one SKU.

use access::Permission;
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ProductId, Sku, VariantId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use uuid::Uuid;

use crate::domain::stock::{StockItem, StockKey};
use crate::error::Error;
use crate::projections::stock::StockRow;
use crate::schema::{stock, variants};

/// Asks for the stock of a SKU.
#[derive(Debug, Clone)]
pub struct FindStock {
    /// The SKU, or its variant.
    pub key: StockKey,
}

impl Query for FindStock {
    const NAME: &'static str = "catalog.find-stock";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<StockItem, Error> {
        let of_variant = variants::org_id.eq(stock::org_id).and(variants::variant_id.eq(stock::variant_id));
        let of_organisation = stock::table
            .inner_join(variants::table.on(of_variant))
            .filter(stock::org_id.eq(read.organisation().uuid()))
            .select((StockRow::as_select(), variants::product_id));
        let found: Option<(StockRow, Uuid)> = match &self.key {
            StockKey::Sku(sku) => {
                of_organisation.filter(stock::sku.eq(sku.as_str())).get_result(read.connection()).await
            }
            StockKey::Variant(variant) => {
                of_organisation.filter(stock::variant_id.eq(variant.uuid())).get_result(read.connection()).await
            }
        }
        .optional()?;
        let (row, product) = found.ok_or_else(|| Error::StockNotFound { key: self.key.clone() })?;
        let sku = Sku::parse(&row.sku).map_err(|cause| Error::corrupt("stock level", cause))?;
        let stock = row.stock()?;
        let (variant, product) = (VariantId::from_uuid(row.variant_id), ProductId::from_uuid(product));
        Ok(StockItem::new(sku, variant, product, stock, row.updated_at))
    }
}
