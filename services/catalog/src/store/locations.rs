//! Locations and what they have of a SKU. The rule: a level is read and written by whoever has locked the stock row of its SKU.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, OrganisationId, Sku, Slug};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use crate::domain::location::{LocatedPieces, Location, Place, PlaceLevel, Placed};
use crate::error::Error;
use crate::projections::location::Row;
use crate::schema::locations;

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
    let placed = all_placed(tx, &[(sku, code)]).await?.into_values().next();
    placed.ok_or_else(|| Error::LocationUnknown { code: code.clone() })
}

/// Whether a location that the caller has locked has pieces of anything.
pub(crate) async fn has_pieces(tx: &mut Tx<'_>, code: &Slug) -> Result<bool, Error> {
    let found: FoundRow = statement(
        "select exists (select from location_levels where org_id = $1 and location = $2 and on_hand > 0) as found",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Text, _>(code.as_str())
    .get_result(tx.connection())
    .await?;
    Ok(found.found)
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = Bool)]
    found: bool,
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
    #[diesel(sql_type = BigInt)]
    promised: i64,
}

#[derive(QueryableByName)]
struct PlacedRow {
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = Bool)]
    active: bool,
}

/// What each of these locations has of its SKU, 0 included. Locations that do not exist are absent from the answer. None of them is
/// closed before the transaction ends.
pub(crate) async fn all_placed(
    tx: &mut Tx<'_>,
    wanted: &[(&Sku, &Slug)],
) -> Result<BTreeMap<(Sku, Slug), Placed>, Error> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<PlacedRow> = statement(
        "select w.sku, w.location, coalesce(v.on_hand, 0) as on_hand, l.active
         from unnest($2, $3) as w(sku, location)
         join locations l on l.org_id = $1 and l.code = w.location
         left join location_levels v on v.org_id = $1 and v.sku = w.sku and v.location = w.location
         for share of l",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<Text>, _>(wanted.iter().map(|(sku, _)| sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(wanted.iter().map(|(_, location)| location.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let corrupt = |cause: Malformed| Error::corrupt("location level", cause);
    let read = |row: PlacedRow| {
        let (sku, code) = (Sku::parse(&row.sku).map_err(corrupt)?, Slug::parse(&row.location).map_err(corrupt)?);
        let placed = Placed::At { code: code.clone(), on_hand: row.on_hand, active: row.active };
        Ok(((sku, code), placed))
    };
    rows.into_iter().map(read).collect()
}

/// What locations have of these SKUs, whose stock rows the caller has locked: those that have pieces or are to send some, by their
/// codes. SKUs that no location has are absent, and so is the default location.
pub(crate) async fn levels<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<BTreeMap<OwnedSku, Vec<LocatedPieces>>, Error> {
    let mut levels: BTreeMap<OwnedSku, Vec<LocatedPieces>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(levels);
    }
    let rows: Vec<LevelRow> = statement(
        "select l.org_id, l.sku, l.location, l.on_hand, l.promised from unnest($1, $2) as wanted(org_id, sku)
         join location_levels l on l.org_id = wanted.org_id and l.sku = wanted.sku
         where l.on_hand > 0 or l.promised > 0 order by l.org_id, l.sku, l.location",
    )
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(wanted.iter().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    for row in rows {
        let corrupt = |cause: Malformed| Error::corrupt("level of a location", cause);
        let owned = (OrganisationId::from_uuid(row.org_id), Sku::parse(&row.sku).map_err(corrupt)?);
        levels.entry(owned).or_default().push(LocatedPieces {
            location: Slug::parse(&row.location).map_err(corrupt)?,
            on_hand: row.on_hand,
            promised: row.promised,
        });
    }
    Ok(levels)
}

/// Writes what locations have of each SKU, and their sum beside its level, in one statement. The default location is not written,
/// since it has the rest. Others hear of it also where the sum stays.
pub(crate) async fn write_levels(tx: &mut Tx<'_>, levels: &[(&Sku, &[Placed], i64)]) -> Result<(), Error> {
    let (mut at, mut sums) = (Vec::new(), Vec::new());
    for (sku, places, located) in levels {
        let here = at.len();
        for placed in *places {
            if let Placed::At { code, on_hand, .. } = placed {
                at.push((sku.as_str(), code.as_str(), *on_hand));
            }
        }
        if at.len() > here {
            sums.push((sku.as_str(), *located));
        }
    }
    if at.is_empty() {
        return Ok(());
    }
    statement(
        "with l as (
           insert into location_levels (org_id, sku, location, on_hand)
           select $1, g.sku, g.location, g.on_hand from unnest($2, $3, $4) as g(sku, location, on_hand)
           on conflict (org_id, sku, location) do update set on_hand = excluded.on_hand
         ), m as (
           insert into availability_marks (org_id, sku)
           select $1, g.sku from unnest($5, $6) as g(sku, located) order by g.sku collate \"C\"
           on conflict (org_id, sku) do nothing
         )
         update stock s set located = g.located
         from unnest($5, $6) as g(sku, located)
         where s.org_id = $1 and s.sku = g.sku",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<Text>, _>(at.iter().map(|(sku, ..)| *sku).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(at.iter().map(|(_, code, _)| *code).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(at.iter().map(|(.., on_hand)| *on_hand).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(sums.iter().map(|(sku, _)| *sku).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(sums.iter().map(|(_, located)| *located).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes what other locations than the default one have now, and their sums beside the levels, in one statement.
pub(crate) async fn write_places<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    places: &BTreeMap<OwnedSku, Vec<PlaceLevel>>,
) -> Result<(), Error> {
    let at: Vec<(&OrganisationId, &Sku, &PlaceLevel)> = places
        .iter()
        .flat_map(|((organisation, sku), levels)| levels.iter().map(move |level| (organisation, sku, level)))
        .filter(|(.., level)| level.location != Location::DEFAULT)
        .collect();
    if at.is_empty() {
        return Ok(());
    }
    statement(
        "with g as (
           select * from unnest($1, $2, $3, $4) as g(org_id, sku, location, on_hand)
         ), l as (
           update location_levels t set on_hand = g.on_hand
           from g where t.org_id = g.org_id and t.sku = g.sku and t.location = g.location
         ), m as (
           insert into availability_marks (org_id, sku)
           select distinct g.org_id, g.sku from g order by g.org_id, g.sku
           on conflict (org_id, sku) do nothing
         )
         update stock s set located = n.located
         from (select org_id, sku, sum(on_hand)::bigint as located from g group by org_id, sku) n
         where s.org_id = n.org_id and s.sku = n.sku",
    )
    .bind::<Array<SqlUuid>, _>(at.iter().map(|(organisation, ..)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(at.iter().map(|(_, sku, _)| sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(at.iter().map(|(.., level)| level.location.as_str()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(at.iter().map(|(.., level)| level.on_hand).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
