//! Which places serve which order, and how an organisation wants that chosen. The rule: whoever writes what an order is to have of
//! a SKU has locked the SKU's stock row; a location's promises are the sum of the rows of its orders, changed in one statement with
//! them.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, OrderId, OrganisationId, Sku};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use super::locations::OwnedSku;
use crate::domain::location::PlaceLevel;
use crate::domain::serving::{ServingRule, StockSettings};
use crate::error::Error;
use crate::projections;

/// Pieces of a SKU that an order is to have from a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderPlace {
    pub(crate) organisation: OrganisationId,
    pub(crate) order: OrderId,
    pub(crate) sku: Sku,
    pub(crate) location: String,
    pub(crate) pieces: i64,
}

/// Locks the settings of the organisation, also where it has none yet, and reads them.
pub(crate) async fn lock_settings(tx: &mut Tx<'_>) -> Result<StockSettings, Error> {
    let organisation = tx.organisation();
    super::locations::lock_all(tx).await?;
    projections::serving::settings(tx.connection(), organisation).await
}

/// Writes the settings, which the caller has locked and changed.
pub(crate) async fn save_settings(tx: &mut Tx<'_>, settings: &StockSettings) -> Result<(), Error> {
    statement(
        "insert into stock_settings (org_id, serving_rule, version, updated_at) values ($1, $2, $3, $4)
         on conflict (org_id) do update
         set serving_rule = excluded.serving_rule, version = excluded.version, updated_at = excluded.updated_at",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Text, _>(<&str>::from(settings.serving_rule))
    .bind::<BigInt, _>(settings.version)
    .bind::<diesel::sql_types::Nullable<diesel::sql_types::Timestamptz>, _>(settings.updated_at)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct RuleRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Text)]
    serving_rule: String,
}

/// The rules of those of the organisations that have chosen one.
pub(crate) async fn rules<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    organisations: &[OrganisationId],
) -> Result<BTreeMap<OrganisationId, ServingRule>, Error> {
    let rows: Vec<RuleRow> =
        statement("select s.org_id, s.serving_rule from unnest($1) as g(org_id) join stock_settings s using (org_id)")
            .bind::<Array<SqlUuid>, _>(organisations.iter().map(|one| one.uuid()).collect::<Vec<_>>())
            .load(tx.connection())
            .await?;
    rows.into_iter()
        .map(|row| Ok((OrganisationId::from_uuid(row.org_id), projections::serving::rule_of(&row.serving_rule)?)))
        .collect()
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = Integer)]
    priority: i32,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = BigInt)]
    promised: i64,
}

/// What the locations but the default one have of these SKUs, which the caller has locked.
pub(crate) async fn places<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<BTreeMap<OwnedSku, Vec<PlaceLevel>>, Error> {
    let rows: Vec<PlaceRow> = statement(
        "select c.org_id, c.sku, c.location, l.priority, l.active, c.on_hand, c.promised
         from unnest($1, $2) as wanted(org_id, sku)
         join location_levels c on c.org_id = wanted.org_id and c.sku = wanted.sku
         join locations l on l.org_id = c.org_id and l.code = c.location
         order by c.org_id, c.sku, c.location",
    )
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(wanted.iter().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let mut places: BTreeMap<OwnedSku, Vec<PlaceLevel>> = BTreeMap::new();
    for row in rows {
        let PlaceRow { org_id, sku, location, priority, active, on_hand, promised } = row;
        let corrupt = |cause: Malformed| Error::corrupt("level of a location", cause);
        let owned = (OrganisationId::from_uuid(org_id), Sku::parse(&sku).map_err(corrupt)?);
        places.entry(owned).or_default().push(PlaceLevel { location, priority, active, on_hand, promised });
    }
    Ok(places)
}

#[derive(QueryableByName)]
struct PortionRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = BigInt)]
    pieces: i64,
}

/// What these orders are to have from places, in the order of the places that the organisation prefers.
pub(crate) async fn of_orders<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    orders: &[(OrganisationId, OrderId)],
) -> Result<Vec<OrderPlace>, Error> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<PortionRow> = statement(
        "select p.org_id, p.order_id, p.sku, p.location, p.pieces
         from unnest($1, $2) as g(org_id, order_id)
         join order_places p on p.org_id = g.org_id and p.order_id = g.order_id
         left join locations l on l.org_id = p.org_id and l.code = p.location
         order by p.org_id, p.order_id, p.sku, coalesce(l.priority, 0), p.location",
    )
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|(_, order)| order.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let PortionRow { org_id, order_id, sku, location, pieces } = row;
            let sku = Sku::parse(&sku).map_err(|cause| Error::corrupt("place of an order", cause))?;
            let (organisation, order) = (OrganisationId::from_uuid(org_id), OrderId::from_uuid(order_id));
            Ok(OrderPlace { organisation, order, sku, location, pieces })
        })
        .collect()
}

/// Writes which places serve orders, beside what they were to give before, and what that promises of the locations.
pub(crate) async fn promise<T: Tenancy>(tx: &mut Tx<'_, T>, rows: &[OrderPlace]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "with g as (
           select * from unnest($1, $2, $3, $4, $5) as g(org_id, order_id, sku, location, pieces)
         ), p as (
           insert into order_places as known (org_id, order_id, sku, location, pieces)
           select org_id, order_id, sku, location, sum(pieces)::bigint from g group by 1, 2, 3, 4
           on conflict (org_id, order_id, sku, location) do update set pieces = known.pieces + excluded.pieces
         )
         update location_levels l set promised = l.promised + s.pieces
         from (select org_id, sku, location, sum(pieces)::bigint as pieces from g group by 1, 2, 3) s
         where l.org_id = s.org_id and l.sku = s.sku and l.location = s.location",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.order.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.location.as_str()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.pieces).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets which places serve orders that have given their stock back, and what that promised of the locations.
pub(crate) async fn give_back<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    orders: &[(OrganisationId, OrderId)],
) -> Result<(), Error> {
    if orders.is_empty() {
        return Ok(());
    }
    statement(
        "with gone as (
           delete from order_places p using unnest($1, $2) as g(org_id, order_id)
           where p.org_id = g.org_id and p.order_id = g.order_id
           returning p.org_id, p.sku, p.location, p.pieces
         )
         update location_levels l set promised = l.promised - s.pieces
         from (select org_id, sku, location, sum(pieces)::bigint as pieces from gone group by 1, 2, 3) s
         where l.org_id = s.org_id and l.sku = s.sku and l.location = s.location",
    )
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|(_, order)| order.uuid()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
