//! The stock of one SKU.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{ProductId, Sku, Timestamp, VariantId};
use mediator::Query;
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::domain::stock::{Level, Stock, StockItem};
use crate::error::CatalogError;

/// Asks for the stock of a SKU.
#[derive(Debug, Clone)]
pub struct FindStock {
    /// Which.
    pub sku: Sku,
}

#[derive(QueryableByName)]
struct StockRow {
    #[diesel(sql_type = SqlUuid)]
    variant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = BigInt)]
    reserved: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    low_threshold: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
}

impl Query for FindStock {
    const NAME: &'static str = "catalog.find-stock";
    const REQUIRES: Permission = Permission::ProductsRead;
    type Reply = StockItem;
    type Error = CatalogError;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<StockItem, CatalogError> {
        let organisation = read.organisation().uuid();
        let rows: Vec<StockRow> = statement(
            "select s.variant_id, v.product_id, s.on_hand, s.reserved, s.held, s.low_threshold, s.version,
                    s.updated_at
             from stock s join variants v on v.org_id = s.org_id and v.variant_id = s.variant_id
             where s.org_id = $1 and s.sku = $2",
        )
        .bind::<SqlUuid, _>(organisation)
        .bind::<Text, _>(self.sku.as_str())
        .load(read.connection())
        .await?;
        let row = rows.into_iter().next().ok_or_else(|| CatalogError::StockNotFound { sku: self.sku.clone() })?;
        let stock = Stock {
            level: Level::restore(row.on_hand, row.reserved, row.held),
            low_threshold: row.low_threshold,
            version: row.version,
        };
        Ok(StockItem::new(
            self.sku.clone(),
            VariantId::from_uuid(row.variant_id),
            ProductId::from_uuid(row.product_id),
            stock,
            row.updated_at,
        ))
    }
}
