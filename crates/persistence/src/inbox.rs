//! The inbox: which facts a consumer has already turned into effects.
//! The rule: the row commits with the effects, so a fact has effects once, however often it arrives.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::EventId;
use mutants::Mutant;
use std::collections::HashSet;
use uuid::Uuid;

use crate::error::Error;
use crate::tenancy::Tenancy;
use crate::transaction::Tx;

#[derive(QueryableByName)]
struct FreshRow {
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
}

/// Marks events as taken by `consumer` and returns those that were new.
///
/// # Errors
/// When the database is away or another member takes the same events at this moment.
pub async fn claim_events<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    consumer: &str,
    events: &[EventId],
) -> Result<HashSet<EventId>, Error> {
    if mutants::is_on(Mutant::InboxOff) {
        return Ok(events.iter().copied().collect());
    }
    // Sorted, so that two members with the same events wait for each other instead of deadlocking.
    let mut ids: Vec<Uuid> = events.iter().map(|event| event.uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<FreshRow> = crate::statement(
        "insert into inbox (consumer, event_id) select $1, unnest($2)
         on conflict do nothing returning event_id",
    )
    .bind::<Text, _>(consumer)
    .bind::<Array<SqlUuid>, _>(ids)
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| EventId::from_uuid(row.event_id)).collect())
}
