//! The stock of one SKU.

use access::Permission;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, Selectable,
    SelectableHelper,
};
use diesel_async::RunQueryDsl;
use kernel::{ProductId, Sku, Timestamp, VariantId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use uuid::Uuid;

use crate::domain::stock::{Level, Stock, StockItem};
use crate::error::Error;
use crate::schema::{stock, variants};

/// Asks for the stock of a SKU.
#[derive(Debug, Clone)]
pub struct FindStock {
    /// The SKU.
    pub sku: Sku,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = stock)]
struct StockRow {
    variant_id: Uuid,
    on_hand: i64,
    reserved: i64,
    held: i64,
    low_threshold: i64,
    version: i64,
    updated_at: Timestamp,
}

impl Query for FindStock {
    const NAME: &'static str = "catalog.find-stock";
    const REQUIRES: Permission = Permission::ProductsRead;
    type Tenancy = Tenant;
    type Reply = StockItem;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<StockItem, Error> {
        let of_variant = variants::org_id.eq(stock::org_id).and(variants::variant_id.eq(stock::variant_id));
        let found: Option<(StockRow, Uuid)> = stock::table
            .inner_join(variants::table.on(of_variant))
            .filter(stock::org_id.eq(read.organisation().uuid()))
            .filter(stock::sku.eq(self.sku.as_str()))
            .select((StockRow::as_select(), variants::product_id))
            .get_result(read.connection())
            .await
            .optional()?;
        let (row, product) = found.ok_or_else(|| Error::StockNotFound { sku: self.sku.clone() })?;
        let stock = Stock {
            level: Level::restore(row.on_hand, row.reserved, row.held),
            low_threshold: row.low_threshold,
            version: row.version,
        };
        let (variant, product) = (VariantId::from_uuid(row.variant_id), ProductId::from_uuid(product));
        Ok(StockItem::new(self.sku.clone(), variant, product, stock, row.updated_at))
    }
}
