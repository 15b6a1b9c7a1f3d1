//! Deliveries: written with the event (tenant transaction), read and settled by the sender (system transaction).

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DeliveryId, OrganisationId, Timestamp};
use persistence::{SystemTx, Tx};
use uuid::Uuid;

use crate::domain::{Chat, Delivery, NewDelivery};
use crate::schema::deliveries;

/// Writes the deliveries of this transaction's organisation and returns how many are new.
///
/// # Errors
/// When the database is away, or a fact cannot be written as JSON.
pub async fn insert(tx: &mut Tx<'_>, chat: &Chat, news: &[NewDelivery]) -> Result<usize, persistence::Error> {
    let organisation = tx.organisation().uuid();
    let facts = news
        .iter()
        .map(|new| serde_json::to_value(&new.fact))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| persistence::Error::Defect(format!("a fact cannot be written as JSON: {error}")))?;
    let inserted = persistence::statement(
        "insert into deliveries (org_id, id, event_id, chat, kind, fact, occurred_at, correlation, traceparent)
         select $1, new.id, new.event_id, $2, new.kind, new.fact, new.occurred_at, new.correlation, new.traceparent
         from unnest($3, $4, $5, $6, $7, $8, $9)
              as new(id, event_id, kind, fact, occurred_at, correlation, traceparent)
         on conflict on constraint deliveries_event_once do nothing",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<Text, _>(chat.as_str())
    .bind::<Array<SqlUuid>, _>(news.iter().map(|_| DeliveryId::new().uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(news.iter().map(|new| new.event.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(news.iter().map(|new| new.fact.kind().name()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(facts)
    .bind::<Array<Timestamptz>, _>(news.iter().map(|new| new.occurred_at).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(news.iter().map(|new| new.correlation).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(news.iter().map(|new| new.traceparent.as_deref()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(inserted)
}

#[derive(QueryableByName)]
struct PendingRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
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

/// The oldest deliveries of a chat that are still to be told, at most `most`. The caller holds the chat's budget.
///
/// # Errors
/// When the database is away, or a stored fact is one that this version does not know.
pub async fn pending(tx: &mut SystemTx, chat: &Chat, most: i64) -> Result<Vec<Delivery>, persistence::Error> {
    let rows: Vec<PendingRow> = persistence::statement(
        "select d.org_id, d.id, d.fact, d.occurred_at, d.traceparent, o.name, o.slug
         from (select * from deliveries where chat = $1 and state = 'pending' order by id limit $2) d
         left join organisations o on o.org_id = d.org_id
         order by d.id",
    )
    .bind::<Text, _>(chat.as_str())
    .bind::<BigInt, _>(most)
    .load(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let organisation = OrganisationId::from_uuid(row.org_id);
            let fact = serde_json::from_value(row.fact).map_err(|error| {
                persistence::Error::Defect(format!("the fact of delivery {} cannot be read: {error}", row.id))
            })?;
            let organisation_name = match (row.name, row.slug) {
                (Some(name), Some(slug)) => format!("{name} ({slug})"),
                _ => organisation.to_string(),
            };
            Ok(Delivery {
                id: DeliveryId::from_uuid(row.id),
                organisation,
                organisation_name,
                fact,
                occurred_at: row.occurred_at,
                traceparent: row.traceparent,
            })
        })
        .collect()
}

/// Whether anything of this chat is still to be told.
///
/// # Errors
/// When the database is away.
pub async fn any_pending(tx: &mut SystemTx, chat: &Chat) -> Result<bool, persistence::Error> {
    let pending = deliveries::table.filter(deliveries::chat.eq(chat.as_str())).filter(deliveries::state.eq("pending"));
    Ok(diesel::select(diesel::dsl::exists(pending)).get_result(tx.connection()).await?)
}

/// How much is still to be told, over all organisations and chats, and since when the oldest waits.
///
/// # Errors
/// When the database is away.
pub async fn backlog(tx: &mut SystemTx) -> Result<(i64, Option<Timestamp>), persistence::Error> {
    Ok(deliveries::table
        .filter(deliveries::state.eq("pending"))
        .select((diesel::dsl::count_star(), diesel::dsl::min(deliveries::created_at)))
        .first(tx.connection())
        .await?)
}

/// Marks what a message told. A delivery that another sender settled meanwhile stays as it is.
///
/// # Errors
/// When the database is away.
pub async fn mark_sent(tx: &mut SystemTx, told: &[Delivery], message: i64) -> Result<usize, persistence::Error> {
    Ok(persistence::statement(
        "update deliveries d set state = 'sent', message_id = $3, settled_at = clock_timestamp()
         from unnest($1, $2) as told(org_id, id)
         where d.org_id = told.org_id and d.id = told.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations(told))
    .bind::<Array<SqlUuid>, _>(ids(told))
    .bind::<BigInt, _>(message)
    .execute(tx.connection())
    .await?)
}

/// Marks what Telegram will never take, and why.
///
/// # Errors
/// When the database is away.
pub async fn mark_failed(tx: &mut SystemTx, untold: &[Delivery], cause: &str) -> Result<usize, persistence::Error> {
    Ok(persistence::statement(
        "update deliveries d set state = 'failed', cause = $3, settled_at = clock_timestamp()
         from unnest($1, $2) as untold(org_id, id)
         where d.org_id = untold.org_id and d.id = untold.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations(untold))
    .bind::<Array<SqlUuid>, _>(ids(untold))
    .bind::<Text, _>(cause)
    .execute(tx.connection())
    .await?)
}

/// Puts everything that failed back among what is to be told, for when the cause (a wrong token, a chat that the bot
/// had left) is mended.
///
/// # Errors
/// When the database is away.
pub async fn retry_failed(tx: &mut SystemTx, chat: &Chat) -> Result<usize, persistence::Error> {
    Ok(persistence::statement(
        "update deliveries set state = 'pending', chat = $1, cause = null, settled_at = null where state = 'failed'",
    )
    .bind::<Text, _>(chat.as_str())
    .execute(tx.connection())
    .await?)
}

/// Removes what was told more than `days` ago, at most 5,000 at a time.
///
/// # Errors
/// When the database is away.
pub async fn forget_told(tx: &mut SystemTx, days: i32) -> Result<usize, persistence::Error> {
    Ok(persistence::statement(
        "delete from deliveries d using (
             select org_id, id from deliveries
             where state = 'sent' and settled_at < now() - make_interval(days => $1)
             limit 5000 for update skip locked) old
         where d.org_id = old.org_id and d.id = old.id",
    )
    .bind::<diesel::sql_types::Integer, _>(days)
    .execute(tx.connection())
    .await?)
}

fn organisations(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|delivery| delivery.organisation.uuid()).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|delivery| delivery.id.uuid()).collect()
}
