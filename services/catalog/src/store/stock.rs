//! Stock rows and their ledger. The rule: a level is written in the statement that appends its movements and marks what others have
//! to hear of (`store::availability`), after its row was locked in the order of the SKUs.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::Listing;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{
    ChannelCode, Currency, Day, Malformed, Money, OrderId, OrganisationId, ProductId, Sku, Slug, Timestamp, VariantId,
};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use crate::domain::availability::{Ripple, Stock, Terms};
use crate::domain::reservation::Shelf;
use crate::domain::stock::{Level, Movement, StockKey};
use crate::error::Error;
use crate::projections;
use crate::projections::price::open_windows;

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
        let terms = Terms { low_threshold: self.low_threshold, ..Terms::default() };
        Stock { level, terms, located: 0, version: 1 }
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
         ), m as (
           insert into availability_marks (org_id, sku)
           select o.org_id, o.sku from o order by o.org_id, o.sku collate \"C\"
           on conflict (org_id, sku) do update set marked_at = excluded.marked_at
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

/// The SKU that a key names.
pub(crate) async fn sku_of(tx: &mut Tx<'_>, key: &StockKey) -> Result<Sku, Error> {
    let organisation = tx.organisation();
    projections::stock::sku_of(tx.connection(), organisation, key).await
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
    /// As `open_windows!` writes them.
    #[diesel(sql_type = Nullable<Text>)]
    windows: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    priced_at: Timestamp,
    #[diesel(sql_type = Bool)]
    for_sale: bool,
    /// Nothing is every channel.
    #[diesel(sql_type = Nullable<Array<Text>>)]
    channels: Option<Vec<String>>,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = BigInt)]
    reserved: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    low_threshold: i64,
    #[diesel(sql_type = BigInt)]
    located: i64,
    #[diesel(sql_type = BigInt)]
    safety_stock: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    backorder_limit: Option<i64>,
    #[diesel(sql_type = Nullable<Date>)]
    promised_on: Option<Day>,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

impl ShelfRow {
    fn into_shelf(self) -> Result<(Sku, Shelf), Error> {
        let corrupt = |cause: Malformed| Error::corrupt("stock level", cause);
        let currency = Currency::parse(&self.currency).map_err(corrupt)?;
        let channels = self.channels.map(|codes| codes.iter().map(|code| ChannelCode::parse(code)).collect());
        let windows = projections::price::windows(self.windows.as_deref())?.remove(&self.variant_id);
        let shelf = Shelf {
            variant: VariantId::from_uuid(self.variant_id),
            product: ProductId::from_uuid(self.product_id),
            base_price: Money::from_minor(self.price_minor, currency).map_err(corrupt)?,
            windows: windows.unwrap_or_default(),
            priced_at: self.priced_at,
            for_sale: self.for_sale,
            listing: Listing::from(channels.transpose().map_err(corrupt)?),
            stock: Stock {
                level: Level::restore(self.on_hand, self.reserved, self.held),
                terms: Terms::restore(self.low_threshold, self.safety_stock, self.backorder_limit, self.promised_on)
                    .map_err(corrupt)?,
                located: self.located,
                version: self.version,
            },
        };
        Ok((Sku::parse(&self.sku).map_err(corrupt)?, shelf))
    }
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
}

/// The shelves of several organisations, by SKU.
pub(crate) type Shelves = BTreeMap<OrganisationId, BTreeMap<Sku, Shelf>>;

/// The SELECT that locks shelves. `order by s.sku` is byte order, as the column's collation says, and so the order of `Sku` in the
/// program. Diesel cannot express a lock on one of the joined tables.
macro_rules! lock_shelves {
    ($unless:literal) => {
        concat!(
            "select s.org_id, s.variant_id, v.product_id, s.sku, v.price_minor, v.currency, ",
            open_windows!("w.org_id = v.org_id and w.product_id = v.product_id and w.variant_id = v.variant_id"),
            " as windows, p.updated_at as priced_at,
                    v.active and p.status = 'active' as for_sale, nullif(p.channels, '{*}') as channels,
                    s.on_hand, s.reserved, s.held, s.low_threshold, s.located, s.safety_stock, s.backorder_limit,
                    s.promised_on, s.version
             from unnest($1, $2) as wanted(org_id, sku)
             join stock s on s.org_id = wanted.org_id and s.sku = wanted.sku
             join variants v on v.org_id = s.org_id and v.variant_id = s.variant_id
             join products p on p.org_id = v.org_id and p.product_id = v.product_id
             order by s.org_id, s.sku
             for update of s",
            $unless
        )
    };
}

/// Locks the stock rows of these SKUs in one statement, in the order of organisations and SKUs, and reads their variants
/// and products with them. SKUs without a variant are absent from the answer.
pub(crate) async fn lock<T: Tenancy>(tx: &mut Tx<'_, T>, wanted: &[(OrganisationId, &Sku)]) -> Result<Shelves, Error> {
    lock_with(tx, wanted, lock_shelves!("")).await
}

/// As [`lock`], but for those that somebody else has locked, which are named apart.
pub(crate) async fn lock_free<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<(Shelves, BTreeSet<(OrganisationId, Sku)>), Error> {
    let shelves = lock_with(tx, wanted, lock_shelves!(" skip locked")).await?;
    let is_absent = |(organisation, sku): &&(OrganisationId, &Sku)| {
        shelves.get(organisation).is_none_or(|of_all| !of_all.contains_key(*sku))
    };
    let absent: Vec<(OrganisationId, &Sku)> = wanted.iter().filter(is_absent).copied().collect();
    if absent.is_empty() {
        return Ok((shelves, BTreeSet::new()));
    }
    let rows: Vec<KeyRow> = statement(
        "select s.org_id, s.sku from unnest($1, $2) as wanted(org_id, sku)
         join stock s on s.org_id = wanted.org_id and s.sku = wanted.sku",
    )
    .bind::<Array<SqlUuid>, _>(absent.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(absent.iter().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let locked = rows.into_iter().map(|row| {
        let sku = Sku::parse(&row.sku).map_err(|cause| Error::corrupt("stock level", cause))?;
        Ok((OrganisationId::from_uuid(row.org_id), sku))
    });
    Ok((shelves, locked.collect::<Result<_, Error>>()?))
}

/// As [`lock`], but fails when somebody else keeps one of them locked for a fifth of a second.
pub(crate) async fn lock_soon<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<Shelves, Error> {
    statement("set local lock_timeout = '200ms'").execute(tx.connection()).await?;
    lock_with(tx, wanted, lock_shelves!("")).await
}

async fn lock_with<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
    sql: &'static str,
) -> Result<Shelves, Error> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<ShelfRow> = statement(sql)
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

/// A locked stock row as it was and as it will be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StockUpdate<'u> {
    pub(crate) organisation: OrganisationId,
    pub(crate) product: ProductId,
    pub(crate) variant: VariantId,
    pub(crate) sku: &'u Sku,
    pub(crate) before: Stock,
    pub(crate) stock: Stock,
    /// More than can be had was promised to an order that was sold elsewhere. Nothing else may be short whose terms do not say so.
    pub(crate) oversold: bool,
}

/// A movement with everything that its row in the ledger says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LedgerEntry<'e> {
    pub(crate) organisation: OrganisationId,
    pub(crate) variant: VariantId,
    pub(crate) sku: &'e Sku,
    pub(crate) order: Option<OrderId>,
    /// Where the pieces came or went; none is the default location.
    pub(crate) location: Option<&'e Slug>,
    pub(crate) movement: Movement,
    pub(crate) actor: &'e str,
}

/// Writes the levels, thresholds and versions of locked rows, appends their movements and marks the SKUs of which others have to
/// hear, in one statement. `reason` is for the ledger. Once what was promised is there, a row may not be short any more, unless its
/// terms say so: the database refuses again to sell too much.
pub(crate) async fn write<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    rows: &[StockUpdate<'_>],
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
    rows: &[StockUpdate<'_>],
    entries: &[(LedgerEntry<'_>, &str)],
    now: Timestamp,
) -> Result<(), Error> {
    if rows.is_empty() && entries.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&StockUpdate<'_>) -> i64| rows.iter().map(of).collect::<Vec<_>>();
    let ripples: Vec<(&StockUpdate<'_>, Ripple)> = rows
        .iter()
        .map(|row| (row, row.stock.ripple(&row.before)))
        .filter(|(_, ripple)| *ripple != Ripple::None)
        .collect();
    let delta = |of: fn(&LedgerEntry<'_>) -> i64| entries.iter().map(|(entry, _)| of(entry)).collect::<Vec<_>>();
    statement(
        "with s as (
           update stock t
           set on_hand = g.on_hand, reserved = g.reserved, held = g.held, low_threshold = g.low_threshold,
               may_be_short = (t.may_be_short or g.oversold)
                   and ((t.backorder_limit = 0) is not true or g.on_hand < g.reserved + g.held),
               version = g.version, updated_at = $8
           from unnest($1, $2, $3, $4, $5, $6, $7, $24)
             as g(org_id, variant_id, on_hand, reserved, held, low_threshold, version, oversold)
           where t.org_id = g.org_id and t.variant_id = g.variant_id
         ), r as (
           select * from unnest($19, $20, $21, $22) as g(org_id, sku, product_id, shown)
         ), f as (
           insert into availability_marks (org_id, sku, product_id)
           select r.org_id, r.sku, r.product_id from r where not r.shown
           on conflict (org_id, sku) do nothing
         ), n as (
           insert into availability_marks (org_id, sku, product_id, turned_at)
           select r.org_id, r.sku, r.product_id, clock_timestamp() from r where r.shown
           on conflict (org_id, sku) do update set turned_at = excluded.turned_at, product_id = excluded.product_id
         )
         insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id,
                                location, reason, actor, occurred_at)
         select g.org_id, g.sku, g.variant_id, g.kind, g.on_hand_delta, g.reserved_delta, g.held_delta, g.order_id,
                g.location, g.reason, g.actor, $8
         from unnest($9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $23) with ordinality
           as g(org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id, actor, reason, location,
                position)
         order by g.position",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(column(|row| row.stock.level.on_hand()))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.level.reserved()))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.level.held()))
    .bind::<Array<BigInt>, _>(column(|row| row.stock.terms.low_threshold))
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
    .bind::<Array<SqlUuid>, _>(ripples.iter().map(|(row, _)| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(ripples.iter().map(|(row, _)| row.sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(ripples.iter().map(|(row, _)| row.product.uuid()).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(ripples.iter().map(|(_, ripple)| *ripple == Ripple::Shown).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(
        entries.iter().map(|(entry, _)| entry.location.map(Slug::as_str)).collect::<Vec<_>>(),
    )
    .bind::<Array<Bool>, _>(rows.iter().map(|row| row.oversold).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes the terms of locked rows but for their thresholds, and whether each may be short, in one statement. Comes before [`write`],
/// whose new level may need it.
pub(crate) async fn write_terms(tx: &mut Tx<'_>, rows: &[&StockUpdate<'_>]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let may_be_short = |row: &&StockUpdate<'_>| row.before.level.free() < 0 || row.stock.may_be_short();
    statement(
        "update stock t
         set safety_stock = g.safety_stock, backorder_limit = g.backorder_limit, promised_on = g.promised_on,
             may_be_short = g.may_be_short
         from unnest($2, $3, $4, $5, $6) as g(variant_id, safety_stock, backorder_limit, promised_on, may_be_short)
         where t.org_id = $1 and t.variant_id = g.variant_id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.variant.uuid()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.stock.terms.safety_stock).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(rows.iter().map(|row| row.stock.terms.stored_backorder().0).collect::<Vec<_>>())
    .bind::<Array<Nullable<Date>>, _>(rows.iter().map(|row| row.stock.terms.stored_backorder().1).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(rows.iter().map(may_be_short).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
