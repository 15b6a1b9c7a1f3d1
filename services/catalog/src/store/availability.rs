//! Marks of SKUs whose availability is to be published again. They are set by `store::stock`, with the change that they are of.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Sku};
use persistence::{Tenants, Tx, statement};
use uuid::Uuid;

use crate::domain::mark::Mark;
use crate::error::Error;

#[derive(QueryableByName)]
struct TakenRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
}

/// Takes marks that the publisher has found, each with the version of its stock, and gives the SKUs whose version is to be
/// published now; a SKU without stock has no version, and nothing is said of it. The caller has locked the stock rows, so no change
/// is on its way that relies on a mark which goes here.
///
/// A mark goes when it is still what the publisher saw. One that shoppers' views have turned since then stays, since the cache does
/// not know of that, and rests anew; its SKU is published all the same, or one that turns all the time would never be. Marks that
/// somebody else has taken are passed over.
pub(crate) async fn take(
    tx: &mut Tx<'_, Tenants>,
    marks: &[(Mark, Option<i64>)],
) -> Result<BTreeSet<(OrganisationId, Sku)>, Error> {
    let rows: Vec<TakenRow> = statement(
        "with seen as (
           select m.org_id, m.sku, m.said_version, g.version, m.turned_at is not distinct from g.turned_at as is_same
           from unnest($1, $2, $3, $4, $5) as g(org_id, sku, marked_at, turned_at, version)
           join availability_marks m on m.org_id = g.org_id and m.sku = g.sku and m.marked_at = g.marked_at
           order by m.org_id, m.sku
           for update of m
         ), gone as (
           delete from availability_marks m using seen s
           where m.org_id = s.org_id and m.sku = s.sku and (s.is_same or s.version is null)
         ), kept as (
           update availability_marks m set marked_at = clock_timestamp(), said_version = s.version
           from seen s where m.org_id = s.org_id and m.sku = s.sku and not s.is_same and s.version is not null
         )
         select org_id, sku from seen where said_version is distinct from version and version is not null",
    )
    .bind::<Array<SqlUuid>, _>(marks.iter().map(|(mark, _)| mark.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(marks.iter().map(|(mark, _)| mark.sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(marks.iter().map(|(mark, _)| mark.marked_at).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(
        marks.iter().map(|(mark, _)| mark.turned.map(|(at, _)| at)).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(marks.iter().map(|(_, version)| *version).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let sku = Sku::parse(&row.sku).map_err(|cause| Error::corrupt("mark of a SKU", cause))?;
            Ok((OrganisationId::from_uuid(row.org_id), sku))
        })
        .collect()
}
