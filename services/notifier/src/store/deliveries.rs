//! Deliveries: written in the transaction that takes their events, claimed and settled for the sender.
//! The rule: the state of a delivery is a part of a query's text. Diesel would bind it, and with a bound state
//! PostgreSQL's kept plan cannot use the index that holds the pending deliveries only.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DeliveryId, DestinationId, OrderId, OrganisationId, Timestamp};
use persistence::{Platform, Tenancy, Tenants, Tx};
use uuid::Uuid;

use crate::domain::{Chat, Counted, Delivery, FactKind, Heartbeat, NewDelivery, Planned, Target, Unreadable};
use crate::error::Error;
use crate::schema::deliveries;

/// Writes deliveries that are told at once, each for its destination or, without one, for the `configured` chat. An event that has a delivery for
/// the same destination or chat gets no second one.
///
/// # Errors
/// When the database is away, or a fact cannot be written as JSON.
pub async fn insert<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    configured: Option<&Chat>,
    new: &[(Option<DestinationId>, &NewDelivery)],
) -> Result<(), Error> {
    let at_once: Vec<Planned<'_>> = new.iter().map(|(to, one)| Planned::at_once(*to, one)).collect();
    insert_planned(tx, configured, &at_once).await
}

/// Writes deliveries as [`insert`] does, each to be told when its time has come.
///
/// # Errors
/// When the database is away, or a fact cannot be written as JSON.
pub async fn insert_planned<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    configured: Option<&Chat>,
    planned: &[Planned<'_>],
) -> Result<(), Error> {
    let new: Vec<(Option<DestinationId>, &NewDelivery)> =
        planned.iter().map(|one| (one.destination, one.delivery)).collect();
    let facts = new.iter().map(|(_, one)| serde_json::to_value(&one.fact)).collect::<Result<Vec<_>, _>>()?;
    // What stands in the place of a chat tells the deliveries of one event apart.
    let chat = |destination: &Option<DestinationId>| match (destination, configured) {
        (Some(destination), _) => destination.to_string(),
        (None, Some(chat)) => chat.to_string(),
        (None, None) => String::new(),
    };
    persistence::statement(
        "insert into deliveries
             (org_id, id, event_id, chat, destination, kind, fact, occurred_at, correlation, traceparent, not_before, collapsed)
         select org_id, id, event_id, chat, destination, kind, fact, occurred_at, correlation, traceparent,
              coalesce(not_before, 'epoch'), collapsed
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
              as new(org_id, id, event_id, chat, destination, kind, fact, occurred_at, correlation, traceparent, not_before,
                  collapsed)
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
    .bind::<Array<Nullable<Timestamptz>>, _>(planned.iter().map(|one| one.not_before).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(planned.iter().map(|one| one.collapsed).collect::<Vec<_>>())
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
    #[diesel(sql_type = Bool)]
    waited: bool,
    #[diesel(sql_type = Bool)]
    collapsed: bool,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    slug: Option<String>,
}

/// The pending deliveries of a target whose time has come, at most `limit`, the oldest first: those that can be read, and those that
/// cannot; with `only_answers` those that answer a pressed button. The caller holds the lock of the lane's budget.
///
/// # Errors
/// When the database is away.
pub async fn pending(
    tx: &mut Tx<'_, Platform>,
    target: Target,
    only_answers: bool,
    limit: i64,
) -> Result<(Vec<Delivery>, Vec<Unreadable>), Error> {
    let rows: Vec<PendingRow> = match target {
        Target::Configured => {
            persistence::statement(
                "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, d.not_before > d.created_at as waited,
                     d.collapsed, o.name, o.slug
                 from (select * from deliveries
                       where destination is null and state = 'pending' and not_before <= clock_timestamp()
                       order by not_before, id limit $1) d
                 left join organisations o on o.org_id = d.org_id
                 order by d.id",
            )
            .bind::<BigInt, _>(limit)
            .load(tx.connection())
            .await?
        }
        // Apart, so that the index of the few answers is used.
        Target::Destination { organisation, destination } if only_answers => {
            persistence::statement(
                "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, false as waited, d.collapsed, o.name, o.slug
                 from (select * from deliveries
                       where org_id = $1 and destination = $2 and state = 'pending' and kind = 'action-answered'
                           and not_before <= clock_timestamp()
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
        Target::Destination { organisation, destination } => {
            persistence::statement(
                "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, d.not_before > d.created_at as waited,
                     d.collapsed, o.name, o.slug
                 from (select * from deliveries
                       where org_id = $1 and destination = $2 and state = 'pending' and not_before <= clock_timestamp()
                       order by not_before, id limit $3) d
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
    Ok(read(rows))
}

/// The deliveries in these rows, and those that this version cannot read.
fn read(rows: Vec<PendingRow>) -> (Vec<Delivery>, Vec<Unreadable>) {
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
            waited: row.waited,
            collapsed: row.collapsed,
        });
    }
    (readable, unreadable)
}

#[derive(QueryableByName)]
struct FirstRow {
    #[diesel(sql_type = BigInt)]
    message_id: i64,
}

/// The first message that told a destination of an order and is still there: Telegram's id of it, and what it tells, oldest
/// first. None for an order that it was told nothing of, or too long ago.
///
/// # Errors
/// When the database is away.
pub async fn first_message(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    order: OrderId,
) -> Result<Option<(i64, Vec<Delivery>)>, Error> {
    let first: Option<FirstRow> = persistence::statement(
        "select d.message_id from deliveries d join destinations t on t.org_id = d.org_id and t.id = d.destination
         where d.org_id = $1 and d.destination = $2 and d.fact ->> 'order' = $3 and d.kind <> 'action-answered' and d.state = 'sent'
             and not d.gone and d.settled_at > t.moved_at
         order by d.id limit 1",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<Text, _>(order.to_string())
    .get_result(tx.connection())
    .await
    .optional()?;
    let Some(FirstRow { message_id }) = first else { return Ok(None) };
    let rows: Vec<PendingRow> = persistence::statement(
        "select d.org_id, d.id, d.kind, d.fact, d.occurred_at, d.traceparent, d.not_before > d.created_at as waited, d.collapsed,
             o.name, o.slug
         from deliveries d left join organisations o on o.org_id = d.org_id
         where d.org_id = $1 and d.destination = $2 and d.message_id = $3 and d.state = 'sent'
         order by d.id",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<BigInt, _>(message_id)
    .load(tx.connection())
    .await?;
    Ok(Some((message_id, read(rows).0)))
}

/// Notes that a message of a destination is gone.
///
/// # Errors
/// When the database is away.
pub async fn message_gone(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    message: i64,
) -> Result<(), Error> {
    persistence::statement(
        "update deliveries set gone = true where org_id = $1 and destination = $2 and message_id = $3 and state = 'sent'",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<BigInt, _>(message)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks what a destination that has ended was not told as failed, with the cause.
///
/// # Errors
/// When the database is away.
pub async fn fail_pending(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    cause: &str,
) -> Result<(), Error> {
    persistence::statement(
        "update deliveries set state = 'failed', cause = $3, settled_at = clock_timestamp()
         where org_id = $1 and destination = $2 and state = 'pending'",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<Text, _>(cause)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks the deliveries of a message as sent. One that another sender has settled stays as it is.
///
/// # Errors
/// When the database is away.
pub async fn mark_sent(tx: &mut Tx<'_, Platform>, told: &[Delivery], message: Option<i64>) -> Result<(), Error> {
    persistence::statement(
        "update deliveries d set state = 'sent', message_id = $3, cause = null, settled_at = clock_timestamp()
         from unnest($1, $2) as told(org_id, id)
         where d.org_id = told.org_id and d.id = told.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations(told))
    .bind::<Array<SqlUuid>, _>(ids(told))
    .bind::<Nullable<BigInt>, _>(message)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Marks deliveries that were refused for good, with the cause.
///
/// # Errors
/// When the database is away.
pub async fn mark_refused(tx: &mut Tx<'_, Platform>, refused: &[Delivery], cause: &str) -> Result<(), Error> {
    persistence::statement(
        "update deliveries d set state = 'failed', cause = $3, settled_at = clock_timestamp()
         from unnest($1, $2) as failed(org_id, id)
         where d.org_id = failed.org_id and d.id = failed.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(organisations(refused))
    .bind::<Array<SqlUuid>, _>(ids(refused))
    .bind::<Text, _>(cause)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Has deliveries that cannot be read wait for a minute, each with its own cause: a replica that can read them may come. After a day
/// they have failed.
///
/// # Errors
/// When the database is away.
pub async fn postpone_unreadable(tx: &mut Tx<'_, Platform>, unreadable: &[Unreadable]) -> Result<(), Error> {
    persistence::statement(
        "update deliveries d
         set cause = unread.cause,
             not_before = case when d.created_at < now() - interval '1 day' then d.not_before
                 else clock_timestamp() + interval '1 minute' end,
             state = case when d.created_at < now() - interval '1 day' then 'failed' else d.state end,
             settled_at = case when d.created_at < now() - interval '1 day' then clock_timestamp() end
         from unnest($1, $2, $3) as unread(org_id, id, cause)
         where d.org_id = unread.org_id and d.id = unread.id and d.state = 'pending'",
    )
    .bind::<Array<SqlUuid>, _>(unreadable.iter().map(|one| one.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(unreadable.iter().map(|one| one.id.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(unreadable.iter().map(|one| one.cause.as_str()).collect::<Vec<_>>())
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

/// Sets when the pending deliveries of a destination may be told, as after a change of its rules: what can wait at `due`, none
/// for at once, and the rest at once. One of a flood waits for the minute to end all the same.
///
/// # Errors
/// When the database is away.
pub async fn replan(tx: &mut Tx<'_>, destination: DestinationId, due: Option<Timestamp>) -> Result<(), Error> {
    persistence::statement(
        "update deliveries set not_before = case when kind = any($3) then 'epoch' else greatest(
             coalesce($4, 'epoch'), case when collapsed then date_trunc('minute', now()) + interval '1 minute' else 'epoch' end)
             end
         where org_id = $1 and destination = $2 and state = 'pending' and not_before > now()",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<Array<Text>, _>(FactKind::urgent())
    .bind::<Nullable<Timestamptz>, _>(due)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct HeardRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    destination: Option<Uuid>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    facts: i64,
}

/// How many facts of each kind these destinations, or without one the chat of the configuration, have heard of within the last
/// minute. Of each only the newest `limit` deliveries are looked at.
///
/// # Errors
/// When the database is away.
pub async fn heard(
    tx: &mut Tx<'_, Tenants>,
    of: &[(OrganisationId, Option<DestinationId>)],
    limit: i64,
) -> Result<Vec<((OrganisationId, Option<DestinationId>, FactKind), u32)>, Error> {
    let rows: Vec<HeardRow> = persistence::statement(
        "select asked.org_id, asked.destination, newest.kind, count(*) as facts
         from unnest($1, $2) as asked(org_id, destination)
         cross join lateral (
             (select d.kind, d.created_at from deliveries d
              where asked.destination is not null and d.org_id = asked.org_id and d.destination = asked.destination
              order by d.id desc limit $3)
             union all
             (select d.kind, d.created_at from deliveries d
              where asked.destination is null and d.org_id = asked.org_id and d.destination is null
              order by d.id desc limit $3)) newest
         where newest.created_at > now() - interval '1 minute'
         group by asked.org_id, asked.destination, newest.kind",
    )
    .bind::<Array<SqlUuid>, _>(of.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(of.iter().map(|(_, to)| to.map(|to| to.uuid())).collect::<Vec<_>>())
    .bind::<BigInt, _>(limit)
    .load(tx.connection())
    .await?;
    let heard = |row: HeardRow| {
        let to = row.destination.map(DestinationId::from_uuid);
        let kind = FactKind::parse(&row.kind).ok()?;
        Some(((OrganisationId::from_uuid(row.org_id), to, kind), u32::try_from(row.facts).unwrap_or(u32::MAX)))
    };
    // A kind that only a later version knows is none of those that this one counts.
    Ok(rows.into_iter().filter_map(heard).collect())
}

/// Those of the heartbeats that no delivery was written for, or none is kept of.
///
/// # Errors
/// When the database is away.
pub async fn unwritten(
    tx: &mut Tx<'_, Platform>,
    configured: &Chat,
    due: Vec<Heartbeat>,
) -> Result<Vec<Heartbeat>, Error> {
    let chat = |one: &Heartbeat| one.destination.map_or_else(|| configured.to_string(), |to| to.to_string());
    let written: Vec<PositionRow> = persistence::statement(
        "select asked.position from unnest($1, $2, $3) with ordinality as asked(org_id, event_id, chat, position)
         join deliveries d on d.org_id = asked.org_id and d.event_id = asked.event_id and d.chat = asked.chat",
    )
    .bind::<Array<SqlUuid>, _>(due.iter().map(|one| one.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(due.iter().map(|one| one.event.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(due.iter().map(chat).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let written: BTreeSet<i64> = written.into_iter().map(|row| row.position).collect();
    Ok((1..).zip(due).filter(|(position, _)| !written.contains(position)).map(|(_, one)| one).collect())
}

#[derive(QueryableByName)]
struct PositionRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// How many facts of each kind happened on the day of a heartbeat, of those that its destination was to be told.
///
/// # Errors
/// When the database is away.
pub async fn counts(tx: &mut Tx<'_, Platform>, of: &Heartbeat) -> Result<Vec<Counted>, Error> {
    let rows: Vec<CountRow> = persistence::statement(
        "select kind, count(*) as facts from deliveries
         where org_id = $1 and destination is not distinct from $2 and occurred_at >= $3 and occurred_at < $4 group by kind",
    )
    .bind::<SqlUuid, _>(of.organisation.uuid())
    .bind::<Nullable<SqlUuid>, _>(of.destination.map(|to| to.uuid()))
    .bind::<Timestamptz, _>(of.begun)
    .bind::<Timestamptz, _>(of.over)
    .load(tx.connection())
    .await?;
    let counted = |row: CountRow| {
        let of = FactKind::parse(&row.kind).ok().filter(|kind| !kind.is_about_the_destination())?;
        Some(Counted { of, facts: u64::try_from(row.facts).unwrap_or(0) })
    };
    Ok(rows.into_iter().filter_map(counted).collect())
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    facts: i64,
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
