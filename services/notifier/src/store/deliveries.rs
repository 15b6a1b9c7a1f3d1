//! Deliveries: written with the event (tenant transaction), read and settled by the sender (system transaction).

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DeliveryId, OrganisationId, Timestamp};
use persistence::{SystemTx, Tx};
use uuid::Uuid;

use crate::domain::{Chat, Delivery, NewDelivery};

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

/// A delivery whose fact this version cannot read: another version wrote it.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Which one.
    pub id: DeliveryId,
    /// Whose fact.
    pub organisation: OrganisationId,
    /// The kind that its row names.
    pub kind: String,
    /// What is wrong with it.
    pub cause: String,
}

/// The oldest deliveries of a chat that are still to be told, at most `most`, and apart from them those that cannot be
/// read. The caller holds the chat's budget.
///
/// # Errors
/// When the database is away.
pub async fn pending(
    tx: &mut SystemTx,
    chat: &Chat,
    most: i64,
) -> Result<(Vec<Delivery>, Vec<Unreadable>), persistence::Error> {
    let rows: Vec<PendingRow> = persistence::statement(
        "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, o.name, o.slug
         from (select * from deliveries where chat = $1 and state = 'pending' order by id limit $2) d
         left join organisations o on o.org_id = d.org_id
         order by d.id",
    )
    .bind::<Text, _>(chat.as_str())
    .bind::<BigInt, _>(most)
    .load(tx.connection())
    .await?;
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

/// Whether anything of this chat is still to be told.
///
/// # Errors
/// When the database is away.
pub async fn any_pending(tx: &mut SystemTx, chat: &Chat) -> Result<bool, persistence::Error> {
    // The state is written out: for a bound value PostgreSQL cannot know that the index of pending deliveries will do.
    let found = persistence::statement("select 1 from deliveries where chat = $1 and state = 'pending' limit 1")
        .bind::<Text, _>(chat.as_str())
        .execute(tx.connection())
        .await?;
    Ok(found > 0)
}

#[derive(QueryableByName)]
struct BacklogRow {
    #[diesel(sql_type = BigInt)]
    deliveries: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<Timestamp>,
}

/// How much is still to be told, over all organisations and chats, and since when the oldest waits.
///
/// # Errors
/// When the database is away.
pub async fn backlog(tx: &mut SystemTx) -> Result<(i64, Option<Timestamp>), persistence::Error> {
    let row: BacklogRow = persistence::statement(
        "select count(*) as deliveries, min(created_at) as oldest from deliveries where state = 'pending'",
    )
    .get_result(tx.connection())
    .await?;
    Ok((row.deliveries, row.oldest))
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
    fail(tx, organisations(untold), ids(untold), vec![cause; untold.len()]).await
}

/// Marks what cannot be read, each with its own cause, so that it does not stand before what can.
///
/// # Errors
/// When the database is away.
pub async fn mark_unreadable(tx: &mut SystemTx, unreadable: &[Unreadable]) -> Result<usize, persistence::Error> {
    fail(
        tx,
        unreadable.iter().map(|one| one.organisation.uuid()).collect(),
        unreadable.iter().map(|one| one.id.uuid()).collect(),
        unreadable.iter().map(|one| one.cause.as_str()).collect(),
    )
    .await
}

async fn fail(
    tx: &mut SystemTx,
    organisations: Vec<Uuid>,
    ids: Vec<Uuid>,
    causes: Vec<&str>,
) -> Result<usize, persistence::Error> {
    Ok(persistence::statement(
        "update deliveries d set state = 'failed', cause = untold.cause, settled_at = clock_timestamp()
         from unnest($1, $2, $3) as untold(org_id, id, cause)
         where d.org_id = untold.org_id and d.id = untold.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(causes)
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

/// Deliveries that one call of [`forget_told`] removes at most: it ends long before its time limit, also after weeks
/// without a run.
pub const FORGOTTEN_AT_ONCE: i64 = 5_000;

/// Removes the first [`FORGOTTEN_AT_ONCE`] of what was told more than `days` ago, and says whether there may be more.
///
/// # Errors
/// When the database is away.
pub async fn forget_told(tx: &mut SystemTx, days: i32) -> Result<bool, persistence::Error> {
    let gone = persistence::statement(
        "delete from deliveries d using (
             select org_id, id from deliveries
             where state = 'sent' and settled_at < now() - make_interval(days => $1)
             limit $2 for update skip locked) old
         where d.org_id = old.org_id and d.id = old.id",
    )
    .bind::<diesel::sql_types::Integer, _>(days)
    .bind::<BigInt, _>(FORGOTTEN_AT_ONCE)
    .execute(tx.connection())
    .await?;
    Ok(i64::try_from(gone).is_ok_and(|gone| gone >= FORGOTTEN_AT_ONCE))
}

fn organisations(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|delivery| delivery.organisation.uuid()).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|delivery| delivery.id.uuid()).collect()
}
