//! Stock rows and their ledger. The rule: a level is written in the statement that appends its movements, after its
//! row was locked in the order of the SKUs.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Malformed, Money, OrderId, OrganisationId, ProductId, Sku, Timestamp, VariantId};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use crate::domain::reservation::Shelf;
use crate::domain::stock::{Level, Movement, Stock, StockKey};
use crate::error::Error;
use crate::schema::stock;

/// The stock that a new variant begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'s> {
    pub(crate) organisation: OrganisationId,
    /// Who opens it, for the ledger.
    pub(crate) actor: &'s str,
    pub(crate) variant: VariantId,
    pub(crate) sku: &'s Sku,
    pub(crate) on_hand: i64,
    pub(crate) low_threshold: i64,
}

impl Opening<'_> {
    /// The row as it will be.
    pub(crate) fn stock(&self) -> Stock {
        let level = Level::restore(self.on_hand, 0, 0);
        Stock { level, low_threshold: self.low_threshold, version: 1 }
    }
}

/// Opens stock rows with their first movement, in one statement. `reason` is for the ledger.
pub(crate) async fn open<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    openings: &[Opening<'_>],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    if openings.is_empty() {
        return Ok(());
    }
    statement(
        "with o as (
           select * from unnest($1, $2, $3, $4, $5, $6) as g(org_id, variant_id, sku, on_hand, low_threshold, actor)
         ), s as (
           insert into stock (org_id, variant_id, sku, on_hand, low_threshold, updated_at)
           select o.org_id, o.variant_id, o.sku, o.on_hand, o.low_threshold, $8 from o
           order by o.org_id, o.sku collate \"C\"
         )
         insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, reason,
                                actor, occurred_at)
         select o.org_id, o.sku, o.variant_id, 'adjust', o.on_hand, 0, 0, $7, o.actor, $8 from o where o.on_hand <> 0",
    )
    .bind::<Array<SqlUuid>, _>(openings.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(openings.iter().map(|row| row.variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(openings.iter().map(|row| row.sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(openings.iter().map(|row| row.on_hand).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(openings.iter().map(|row| row.low_threshold).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(openings.iter().map(|row| row.actor).collect::<Vec<_>>())
    .bind::<Text, _>(reason)
    .bind::<Timestamptz, _>(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The SKU that a key names. A SKU never changes, so this needs no lock.
pub(crate) async fn sku_of(tx: &mut Tx<'_>, key: &StockKey) -> Result<Sku, Error> {
    let variant = match key {
        StockKey::Sku(sku) => return Ok(sku.clone()),
        StockKey::Variant(variant) => variant,
    };
    let found: Option<String> = stock::table
        .filter(stock::org_id.eq(tx.organisation().uuid()))
        .filter(stock::variant_id.eq(variant.uuid()))
        .select(stock::sku)
        .get_result(tx.connection())
        .await
        .optional()?;
    let sku = found.ok_or_else(|| Error::StockNotFound { key: key.clone() })?;
    Sku::parse(&sku).map_err(|cause| Error::corrupt("stock level", cause))
}

#[derive(QueryableByName)]
struct ShelfRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    variant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = BigInt)]
    price_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Bool)]
    for_sale: bool,
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
}

impl ShelfRow {
    fn into_shelf(self) -> Result<(Sku, Shelf), Error> {
        let corrupt = |cause: Malformed| Error::corrupt("stock level", cause);
        let currency = Currency::parse(&self.currency).map_err(corrupt)?;
        let shelf = Shelf {
            variant: VariantId::from_uuid(self.variant_id),
            product: ProductId::from_uuid(self.product_id),
            price: Money::from_minor(self.price_minor, currency).map_err(corrupt)?,
            for_sale: self.for_sale,
            stock: Stock {
                level: Level::restore(self.on_hand, self.reserved, self.held),
                low_threshold: self.low_threshold,
                version: self.version,
            },
        };
        Ok((Sku::parse(&self.sku).map_err(corrupt)?, shelf))
    }
}

/// The shelves of several organisations, by SKU.
pub(crate) type Shelves = BTreeMap<OrganisationId, BTreeMap<Sku, Shelf>>;

/// Locks the stock rows of these SKUs in one statement, in the order of organisations and SKUs, and reads their variants
/// and products with them. SKUs without a variant are absent from the answer.
pub(crate) async fn lock<T: Tenancy>(tx: &mut Tx<'_, T>, wanted: &[(OrganisationId, &Sku)]) -> Result<Shelves, Error> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    // `order by s.sku` is byte order, as the column's collation says, and so the order of `Sku` in the program. Diesel
    // cannot express a lock on one of the joined tables.
    let rows: Vec<ShelfRow> = statement(
        "select s.org_id, s.variant_id, v.product_id, s.sku, coalesce(v.shop_price_minor, v.price_minor) as price_minor,
                v.currency,
                v.active and p.status = 'active' as for_sale,
                s.on_hand, s.reserved, s.held, s.low_threshold, s.version
         from unnest($1, $2) as wanted(org_id, sku)
         join stock s on s.org_id = wanted.org_id and s.sku = wanted.sku
         join variants v on v.org_id = s.org_id and v.variant_id = s.variant_id
         join products p on p.org_id = v.org_id and p.product_id = v.product_id
         order by s.org_id, s.sku
         for update of s",
    )
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(wanted.iter().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let mut shelves = Shelves::new();
    for row in rows {
        let organisation = OrganisationId::from_uuid(row.org_id);
        let (sku, shelf) = row.into_shelf()?;
        shelves.entry(organisation).or_default().insert(sku, shelf);
    }
    Ok(shelves)
}

/// As [`lock`], for SKUs of the one organisation that the transaction is about.
pub(crate) async fn lock_own(tx: &mut Tx<'_>, skus: &[&Sku]) -> Result<BTreeMap<Sku, Shelf>, Error> {
    let organisation = tx.organisation();
    let wanted: Vec<(OrganisationId, &Sku)> = skus.iter().map(|sku| (organisation, *sku)).collect();
    Ok(lock(tx, &wanted).await?.remove(&organisation).unwrap_or_default())
}

/// The new level, threshold and version of a stock row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StockUpdate {
    pub(crate) organisation: OrganisationId,
    pub(crate) variant: VariantId,
    pub(crate) stock: Stock,
}

/// A movement with everything that its row in the ledger says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LedgerEntry<'e> {
    pub(crate) organisation: OrganisationId,
    pub(crate) variant: VariantId,
    pub(crate) sku: &'e Sku,
    pub(crate) order: Option<OrderId>,
    pub(crate) movement: Movement,
    pub(crate) actor: &'e str,
}

/// Writes locked rows and appends their movements, in one statement. `reason` is for the ledger.
pub(crate) async fn write<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    rows: &[StockUpdate],
    entries: &[LedgerEntry<'_>],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let entries: Vec<(LedgerEntry<'_>, &str)> = entries.iter().map(|entry| (*entry, reason)).collect();
    write_each(tx, rows, &entries, now).await
}

/// As [`write`], where each movement has a reason of its own.
pub(crate) async fn write_each<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    rows: &[StockUpdate],
    entries: &[(LedgerEntry<'_>, &str)],
    now: Timestamp,
) -> Result<(), Error> {
    if rows.is_empty() && entries.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&StockUpdate) -> i64| rows.iter().map(of).collect::<Vec<_>>();
    let delta = |of: fn(&LedgerEntry<'_>) -> i64| entries.iter().map(|(entry, _)| of(entry)).collect::<Vec<_>>();
    statement(
        "with s as (
           update stock t
           set on_hand = g.on_hand, reserved = g.reserved, held = g.held, low_threshold = g.low_threshold,
               version = g.version, updated_at = $8
           from unnest($1, $2, $3, $4, $5, $6, $7)
             as g(org_id, variant_id, on_hand, reserved, held, low_threshold, version)
           where t.org_id = g.org_id and t.variant_id = g.variant_id
         )
         insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id,
                                reason, actor, occurred_at)
         select g.org_id, g.sku, g.variant_id, g.kind, g.on_hand_delta, g.reserved_delta, g.held_delta, g.order_id,
                g.reason, g.actor, $8
         from unnest($9, $10, $11, $12, $13, $14, $15, $16, $17, $18) with ordinality
           as g(org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id, actor, reason,
                position)
         order by g.position",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(column(|row| row.stock.level.on_hand()))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.level.reserved()))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.level.held()))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.low_threshold))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.version))
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(entries.iter().map(|(entry, _)| entry.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(entries.iter().map(|(entry, _)| entry.sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(entries.iter().map(|(entry, _)| entry.variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(entries.iter().map(|(entry, _)| entry.movement.kind.into()).collect::<Vec<&str>>())
    .bind::<Array<BigInt>, _>(delta(|entry| entry.movement.on_hand))
    .bind::<Array<BigInt>, _>(delta(|entry| entry.movement.reserved))
    .bind::<Array<BigInt>, _>(delta(|entry| entry.movement.held))
    .bind::<Array<Nullable<SqlUuid>>, _>(
        entries.iter().map(|(entry, _)| entry.order.map(OrderId::uuid)).collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(entries.iter().map(|(entry, _)| entry.actor).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(entries.iter().map(|(_, reason)| *reason).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
