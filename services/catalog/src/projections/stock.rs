//! Stock rows as they are, for whoever reads them without a lock.

use std::collections::BTreeMap;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Day, OrganisationId, Sku, Timestamp, VariantId};
use persistence::AsyncPgConnection;
use uuid::Uuid;

use crate::domain::availability::{Stock, Terms};
use crate::domain::stock::{Level, StockKey};
use crate::error::Error;
use crate::schema::stock;

/// A stock row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = stock)]
pub(crate) struct StockRow {
    pub(crate) variant_id: Uuid,
    pub(crate) sku: String,
    on_hand: i64,
    reserved: i64,
    held: i64,
    low_threshold: i64,
    located: i64,
    safety_stock: i64,
    backorder_limit: Option<i64>,
    promised_on: Option<Day>,
    version: i64,
    pub(crate) updated_at: Timestamp,
}

impl StockRow {
    /// The row as the domain has it.
    pub(crate) fn stock(&self) -> Result<Stock, Error> {
        let terms = Terms::restore(self.low_threshold, self.safety_stock, self.backorder_limit, self.promised_on)
            .map_err(|cause| Error::corrupt("stock level", cause))?;
        Ok(Stock {
            level: Level::restore(self.on_hand, self.reserved, self.held),
            terms,
            located: self.located,
            version: self.version,
        })
    }
}

/// The stock of these variants; those without are absent.
pub(crate) async fn of_variants(
    mut connection: &AsyncPgConnection,
    organisation: OrganisationId,
    variants: impl Iterator<Item = VariantId>,
) -> Result<BTreeMap<VariantId, Stock>, Error> {
    let rows: Vec<StockRow> = stock::table
        .filter(stock::org_id.eq(organisation.uuid()))
        .filter(stock::variant_id.eq_any(variants.map(VariantId::uuid)))
        .select(StockRow::as_select())
        .load(&mut connection)
        .await?;
    rows.into_iter().map(|row| Ok((VariantId::from_uuid(row.variant_id), row.stock()?))).collect()
}

/// The SKU that a key names. A SKU never changes, so this needs no lock.
///
/// # Errors
/// [`Error::StockNotFound`] when no variant of the organisation has the id.
pub(crate) async fn sku_of(
    mut connection: &AsyncPgConnection,
    organisation: OrganisationId,
    key: &StockKey,
) -> Result<Sku, Error> {
    let variant = match key {
        StockKey::Sku(sku) => return Ok(sku.clone()),
        StockKey::Variant(variant) => variant,
    };
    let found: Option<String> = stock::table
        .filter(stock::org_id.eq(organisation.uuid()))
        .filter(stock::variant_id.eq(variant.uuid()))
        .select(stock::sku)
        .get_result(&mut connection)
        .await
        .optional()?;
    let sku = found.ok_or_else(|| Error::StockNotFound { key: key.clone() })?;
    Sku::parse(&sku).map_err(|cause| Error::corrupt("stock level", cause))
}
