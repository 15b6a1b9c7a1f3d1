//! Deliveries: written in the transaction that takes their events, claimed and settled for the sender.
//! The rule: the state of a delivery is a part of a query's text. Diesel would bind it, and with a bound state
//! PostgreSQL's kept plan cannot use the index that holds the pending deliveries only.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DeliveryId, DestinationId, OrganisationId, Timestamp};
use persistence::{Platform, Tenancy, Tx};
use uuid::Uuid;

use crate::domain::{Chat, Delivery, NewDelivery, Target, Unreadable};
use crate::error::Error;
use crate::schema::deliveries;

/// Writes deliveries, each for its destination or, without one, for the `configured` chat. An event that has a delivery for
/// the same destination or chat gets no second one.
///
/// # Errors
/// When the database is away, or a fact cannot be written as JSON.
pub async fn insert<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    configured: Option<&Chat>,
    new: &[(Option<DestinationId>, &NewDelivery)],
) -> Result<(), Error> {
    let facts = new.iter().map(|(_, one)| serde_json::to_value(&one.fact)).collect::<Result<Vec<_>, _>>()?;
    // What stands in the place of a chat tells the deliveries of one event apart.
    let chat = |destination: &Option<DestinationId>| match (destination, configured) {
        (Some(destination), _) => destination.to_string(),
        (None, Some(chat)) => chat.to_string(),
        (None, None) => String::new(),
    };
    persistence::statement(
        "insert into deliveries
             (org_id, id, event_id, chat, destination, kind, fact, occurred_at, correlation, traceparent)
         select new.* from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
              as new(org_id, id, event_id, chat, destination, kind, fact, occurred_at, correlation, traceparent)
         on conflict on constraint deliveries_event_once do nothing",
    )
    .bind::<Array<SqlUuid>, _>(new.iter().map(|(_, one)| one.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|_| DeliveryId::new().uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|(_, one)| one.event.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|(destination, _)| chat(destination)).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(new.iter().map(|(to, _)| to.map(|to| to.uuid())).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|(_, one)| one.fact.kind().as_str()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(facts)
    .bind::<Array<Timestamptz>, _>(new.iter().map(|(_, one)| one.occurred_at).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|(_, one)| one.correlation).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(new.iter().map(|(_, one)| one.traceparent.as_deref()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct PendingRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    fact: serde_json::Value,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: Timestamp,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    slug: Option<String>,
}

/// The oldest pending deliveries of a target, at most `limit`: those that can be read, and those that cannot. The caller
/// holds the lock of the chat's budget.
///
/// # Errors
/// When the database is away.
pub async fn pending(
    tx: &mut Tx<'_, Platform>,
    target: Target,
    limit: i64,
) -> Result<(Vec<Delivery>, Vec<Unreadable>), Error> {
    let rows: Vec<PendingRow> = match target {
        Target::Configured => {
            persistence::statement(
                "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, o.name, o.slug
                 from (select * from deliveries where destination is null and state = 'pending' order by id limit $1) d
                 left join organisations o on o.org_id = d.org_id
                 order by d.id",
            )
            .bind::<BigInt, _>(limit)
            .load(tx.connection())
            .await?
        }
        Target::Destination { organisation, destination } => {
            persistence::statement(
                "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, o.name, o.slug
                 from (select * from deliveries where org_id = $1 and destination = $2 and state = 'pending'
                       order by id limit $3) d
                 left join organisations o on o.org_id = d.org_id
                 order by d.id",
            )
            .bind::<SqlUuid, _>(organisation.uuid())
            .bind::<SqlUuid, _>(destination.uuid())
            .bind::<BigInt, _>(limit)
            .load(tx.connection())
            .await?
        }
    };
    let (mut readable, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let (id, organisation) = (DeliveryId::from_uuid(row.id), OrganisationId::from_uuid(row.org_id));
        let fact = match serde_json::from_value(row.fact) {
            Ok(fact) => fact,
            Err(error) => {
                let cause = format!("the fact cannot be read: {error}");
                unreadable.push(Unreadable { id, organisation, kind: row.kind, cause });
                continue;
            }
        };
        let organisation_name = match (row.name, row.slug) {
            (Some(name), Some(slug)) => format!("{name} ({slug})"),
            _ => organisation.to_string(),
        };
        readable.push(Delivery {
            id,
            organisation,
            organisation_name,
            fact,
            occurred_at: row.occurred_at,
            traceparent: row.traceparent,
        });
    }
    Ok((readable, unreadable))
}

/// Marks the deliveries of a message as sent. One that another sender has settled stays as it is.
///
/// # Errors
/// When the database is away.
pub async fn mark_sent(tx: &mut Tx<'_, Platform>, told: &[Delivery], message: i64) -> Result<(), Error> {
    persistence::statement(
        "update deliveries d set state = 'sent', message_id = $3, settled_at = clock_timestamp()
         from unnest($1, $2) as told(org_id, id)
         where d.org_id = told.org_id and d.id = told.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations(told))
    .bind::<Array<SqlUuid>, _>(ids(told))
    .bind::<BigInt, _>(message)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks deliveries that Telegram refused for good, with the cause.
///
/// # Errors
/// When the database is away.
pub async fn mark_refused(tx: &mut Tx<'_, Platform>, refused: &[Delivery], cause: &str) -> Result<(), Error> {
    fail(tx, organisations(refused), ids(refused), vec![cause; refused.len()]).await
}

/// Marks deliveries that cannot be read as failed, each with its own cause: pending, they would stand in the way of the
/// others.
///
/// # Errors
/// When the database is away.
pub async fn mark_unreadable(tx: &mut Tx<'_, Platform>, unreadable: &[Unreadable]) -> Result<(), Error> {
    fail(
        tx,
        unreadable.iter().map(|one| one.organisation.uuid()).collect(),
        unreadable.iter().map(|one| one.id.uuid()).collect(),
        unreadable.iter().map(|one| one.cause.as_str()).collect(),
    )
    .await
}

async fn fail(
    tx: &mut Tx<'_, Platform>,
    organisations: Vec<Uuid>,
    ids: Vec<Uuid>,
    causes: Vec<&str>,
) -> Result<(), Error> {
    persistence::statement(
        "update deliveries d set state = 'failed', cause = failed.cause, settled_at = clock_timestamp()
         from unnest($1, $2, $3) as failed(org_id, id, cause)
         where d.org_id = failed.org_id and d.id = failed.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(causes)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes every failed delivery pending again and says how many there were: those without a destination for this chat. For
/// when the cause is mended.
///
/// # Errors
/// When the database is away.
pub async fn retry_failed(tx: &mut Tx<'_, Platform>, chat: &Chat) -> Result<usize, Error> {
    let retried = persistence::statement(
        "update deliveries set state = 'pending', chat = case when destination is null then $1 else chat end,
             cause = null, settled_at = null
         where state = 'failed'",
    )
    .bind::<Text, _>(chat.as_str())
    .execute(tx.connection())
    .await?;
    Ok(retried)
}

/// Makes the failed deliveries of one destination pending again, and says how many there were.
///
/// # Errors
/// When the database is away.
pub async fn resend_failed(tx: &mut Tx<'_>, destination: DestinationId) -> Result<usize, Error> {
    let failed = deliveries::table
        .filter(deliveries::org_id.eq(tx.organisation().uuid()))
        .filter(deliveries::destination.eq(destination.uuid()))
        .filter(deliveries::state.eq("failed"));
    Ok(diesel::update(failed)
        .set((
            deliveries::state.eq("pending"),
            deliveries::cause.eq(None::<String>),
            deliveries::settled_at.eq(None::<Timestamp>),
        ))
        .execute(tx.connection())
        .await?)
}

/// Deletes what a destination, which is deleted, was not told.
///
/// # Errors
/// When the database is away.
pub async fn delete_unsent(tx: &mut Tx<'_>, destination: DestinationId) -> Result<(), Error> {
    let unsent = deliveries::table
        .filter(deliveries::org_id.eq(tx.organisation().uuid()))
        .filter(deliveries::destination.eq(destination.uuid()))
        .filter(deliveries::state.ne("sent"));
    diesel::delete(unsent).execute(tx.connection()).await?;
    Ok(())
}

/// The most deliveries that one call of [`delete_sent`] deletes, so that it ends long before its time limit, even after
/// weeks without a run.
pub const DELETED_AT_ONCE: i64 = 5_000;

/// Deletes up to [`DELETED_AT_ONCE`] deliveries that were sent more than `days` ago, and says whether there may be more.
///
/// # Errors
/// When the database is away.
pub async fn delete_sent(tx: &mut Tx<'_, Platform>, days: i32) -> Result<bool, Error> {
    let deleted = persistence::statement(
        "delete from deliveries d using (
             select org_id, id from deliveries
             where state = 'sent' and settled_at < now() - make_interval(days => $1)
             limit $2 for update skip locked) old
         where d.org_id = old.org_id and d.id = old.id",
    )
    .bind::<Integer, _>(days)
    .bind::<BigInt, _>(DELETED_AT_ONCE)
    .execute(tx.connection())
    .await?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted >= DELETED_AT_ONCE))
}

fn organisations(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|delivery| delivery.organisation.uuid()).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|delivery| delivery.id.uuid()).collect()
}
