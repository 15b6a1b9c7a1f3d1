//! Locations and what they have of a SKU. The rule: a level is read and written by whoever has locked the stock row of its SKU.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Sku, Slug};
use persistence::{Tenancy, Tx, statement};
use uuid::Uuid;

use crate::domain::location::{Location, Place, PlaceLevel, Placed};
use crate::error::Error;
use crate::projections::location::Row;
use crate::schema::{location_levels, locations};

/// Inserts a location.
pub(crate) async fn insert(tx: &mut Tx<'_>, location: &Location) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
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

/// Writes what locations have of a SKU, and their sum beside its level, in one statement.
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

/// What each place has of SKUs of several organisations, the default location included.
pub(crate) type Places = BTreeMap<(OrganisationId, Sku), Vec<PlaceLevel>>;

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
}

/// Adds what other locations have of these SKUs to what the default one has.
pub(crate) async fn places<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    default_levels: BTreeMap<(OrganisationId, Sku), PlaceLevel>,
) -> Result<Places, Error> {
    if default_levels.is_empty() {
        return Ok(Places::new());
    }
    let rows: Vec<PlaceRow> = statement(
        "select l.org_id, l.sku, l.location, o.priority, o.active, l.on_hand
         from unnest($1, $2) as wanted(org_id, sku)
         join location_levels l on l.org_id = wanted.org_id and l.sku = wanted.sku
         join locations o on o.org_id = l.org_id and o.code = l.location
         order by l.org_id, l.sku, o.priority, l.location",
    )
    .bind::<Array<SqlUuid>, _>(default_levels.keys().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(default_levels.keys().map(|(_, sku)| sku.as_str()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let mut places: Places = default_levels.into_iter().map(|(key, level)| (key, vec![level])).collect();
    for row in rows {
        let sku = Sku::parse(&row.sku).map_err(|cause| Error::corrupt("location level", cause))?;
        let level =
            PlaceLevel { location: row.location, priority: row.priority, active: row.active, on_hand: row.on_hand };
        places.entry((OrganisationId::from_uuid(row.org_id), sku)).or_default().push(level);
    }
    Ok(places)
}

/// Writes what other locations than the default one have now, and their sums beside the levels, in one statement.
pub(crate) async fn write_places<T: Tenancy>(tx: &mut Tx<'_, T>, places: &Places) -> Result<(), Error> {
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
