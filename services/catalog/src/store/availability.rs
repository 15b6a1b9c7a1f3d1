//! Marks of SKUs whose availability is to be published again. They are set by `store::stock`, with the change that they are of.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
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

/// Removes marks, but for those that somebody else has removed or that say something else by now: they come again. The caller has
/// locked the stock rows, so no change is on its way that relies on a mark which goes here.
pub(crate) async fn take(tx: &mut Tx<'_, Tenants>, marks: &[Mark]) -> Result<BTreeSet<(OrganisationId, Sku)>, Error> {
    let rows: Vec<TakenRow> = statement(
        "delete from availability_marks m
         using unnest($1, $2, $3, $4) as g(org_id, sku, marked_at, turned_at)
         where m.org_id = g.org_id and m.sku = g.sku and m.marked_at = g.marked_at
           and m.turned_at is not distinct from g.turned_at
         returning m.org_id, m.sku",
    )
    .bind::<Array<SqlUuid>, _>(marks.iter().map(|mark| mark.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(marks.iter().map(|mark| mark.sku.as_str()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(marks.iter().map(|mark| mark.marked_at).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(marks.iter().map(|mark| mark.turned.map(|(at, _)| at)).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let sku = Sku::parse(&row.sku).map_err(|cause| Error::corrupt("mark of a SKU", cause))?;
            Ok((OrganisationId::from_uuid(row.org_id), sku))
        })
        .collect()
}
