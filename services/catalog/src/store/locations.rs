//! Locations and what they have of a SKU. The rule: a level is read and written by whoever has locked the stock row of its SKU.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, OrganisationId, Sku, Slug};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use crate::domain::location::{Location, Place, Placed};
use crate::error::Error;
use crate::projections::location::Row;
use crate::schema::{location_levels, locations};

/// Lets one transaction at a time add to what the organisation has, which has no row to lock as long as there is none.
pub(crate) async fn lock_all(tx: &mut Tx<'_>) -> Result<(), Error> {
    statement("select pg_advisory_xact_lock(hashtext(current_schema() || '/locations'), hashtext($1::text))")
        .bind::<SqlUuid, _>(tx.organisation().uuid())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Inserts a location. Of one organisation one transaction at a time does so: two at once would each count without the other's.
pub(crate) async fn insert(tx: &mut Tx<'_>, location: &Location) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    lock_all(tx).await?;
    let own = locations::table.filter(locations::org_id.eq(organisation));
    let codes: Vec<String> = own.select(locations::code).load(tx.connection()).await?;
    if codes.iter().any(|code| code == location.code.as_str()) {
        return Err(Error::LocationTaken { code: location.code.clone() });
    }
    if i64::try_from(codes.len()).unwrap_or(i64::MAX) >= Location::MOST {
        return Err(Error::TooManyLocations);
    }
    diesel::insert_into(locations::table)
        .values((
            locations::org_id.eq(organisation),
            locations::code.eq(location.code.as_str()),
            locations::name.eq(location.name.as_str()),
            locations::priority.eq(location.priority),
            locations::active.eq(location.active),
            locations::version.eq(location.version),
            locations::created_at.eq(location.created_at),
            locations::updated_at.eq(location.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Locks a location.
pub(crate) async fn lock(tx: &mut Tx<'_>, code: &Slug) -> Result<Location, Error> {
    let row: Option<Row> = locations::table
        .filter(locations::org_id.eq(tx.organisation().uuid()))
        .filter(locations::code.eq(code.as_str()))
        .select(Row::as_select())
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or_else(|| Error::LocationNotFound { code: code.clone() })?.try_into()
}

/// Writes a changed location, which the caller has locked.
pub(crate) async fn save(tx: &mut Tx<'_>, location: &Location) -> Result<(), Error> {
    let row = locations::table
        .filter(locations::org_id.eq(tx.organisation().uuid()))
        .filter(locations::code.eq(location.code.as_str()));
    diesel::update(row)
        .set((
            locations::name.eq(location.name.as_str()),
            locations::priority.eq(location.priority),
            locations::active.eq(location.active),
            locations::version.eq(location.version),
            locations::updated_at.eq(location.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// What a place has of a SKU.
pub(crate) async fn placed(tx: &mut Tx<'_>, sku: &Sku, place: &Place) -> Result<Placed, Error> {
    let Place::At(code) = place else { return Ok(Placed::Default) };
    let organisation = tx.organisation().uuid();
    let known: Option<String> = locations::table
        .filter(locations::org_id.eq(organisation))
        .filter(locations::code.eq(code.as_str()))
        .select(locations::code)
        .get_result(tx.connection())
        .await
        .optional()?;
    known.ok_or_else(|| Error::LocationUnknown { code: code.clone() })?;
    let on_hand: Option<i64> = location_levels::table
        .filter(location_levels::org_id.eq(organisation))
        .filter(location_levels::sku.eq(sku.as_str()))
        .filter(location_levels::location.eq(code.as_str()))
        .select(location_levels::on_hand)
        .get_result(tx.connection())
        .await
        .optional()?;
    Ok(Placed::At { code: code.clone(), on_hand: on_hand.unwrap_or(0) })
}

/// A SKU of an organisation.
pub(crate) type OwnedSku = (OrganisationId, Sku);

#[derive(QueryableByName)]
struct LevelRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
}

/// What locations have of these SKUs, whose stock rows the caller has locked: those that have pieces, by their codes. SKUs that no
/// location has are absent, and so is the default location.
pub(crate) async fn levels<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<BTreeMap<OwnedSku, Vec<(Slug, i64)>>, Error> {
    let mut levels: BTreeMap<OwnedSku, Vec<(Slug, i64)>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(levels);
    }
    let rows: Vec<LevelRow> = statement(
        "select l.org_id, l.sku, l.location, l.on_hand from unnest($1, $2) as wanted(org_id, sku)
         join location_levels l on l.org_id = wanted.org_id and l.sku = wanted.sku
         where l.on_hand > 0 order by l.org_id, l.sku, l.location",
    )
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(wanted.iter().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    for row in rows {
        let corrupt = |cause: Malformed| Error::corrupt("level of a location", cause);
        let owned = (OrganisationId::from_uuid(row.org_id), Sku::parse(&row.sku).map_err(corrupt)?);
        levels.entry(owned).or_default().push((Slug::parse(&row.location).map_err(corrupt)?, row.on_hand));
    }
    Ok(levels)
}

/// Writes what locations have of a SKU, and their sum beside its level, in one statement. Others hear of it also where the sum stays.
pub(crate) async fn write_levels(tx: &mut Tx<'_>, sku: &Sku, places: &[Placed], located: i64) -> Result<(), Error> {
    let at: Vec<(&str, i64)> = places
        .iter()
        .filter_map(|placed| match placed {
            Placed::At { code, on_hand } => Some((code.as_str(), *on_hand)),
            Placed::Default => None,
        })
        .collect();
    if at.is_empty() {
        return Ok(());
    }
    statement(
        "with l as (
           insert into location_levels (org_id, sku, location, on_hand)
           select $1, $2, g.location, g.on_hand from unnest($3, $4) as g(location, on_hand)
           on conflict (org_id, sku, location) do update set on_hand = excluded.on_hand
         ), m as (
           insert into availability_marks (org_id, sku) values ($1, $2) on conflict (org_id, sku) do nothing
         )
         update stock set located = $5 where org_id = $1 and sku = $2",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Text, _>(sku.as_str())
    .bind::<Array<Text>, _>(at.iter().map(|(code, _)| *code).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(at.iter().map(|(_, on_hand)| *on_hand).collect::<Vec<_>>())
    .bind::<BigInt, _>(located)
    .execute(tx.connection())
    .await?;
    Ok(())
}
