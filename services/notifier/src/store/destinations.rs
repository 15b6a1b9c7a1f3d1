//! The destinations: created and changed by staff, linked by the listener, and marked by the sender.
//! The rule: an organisation's rows are reached by its own staff, by the batches that tell of it, and by the platform's work.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{DestinationId, Email, OrganisationId, TimeZone, Timestamp};
use persistence::{Platform, Tenants, Tx};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::{
    Address, Chat, ClockTime, Destination, DestinationKind, DestinationState, Endpoint, Lane, Language, Lease,
    LinkCode, Linked, MOST_DESTINATIONS, Manner, OrderLink, Received, Receiver, Rules, Webhook, WebhookSecret,
    WebhookUrl,
};
use crate::error::Error;
use crate::projections::destination::{Row, muted_until};
use crate::schema::{destinations, recipients};

/// Inserts a new destination: a chat with the hash of its code, a webhook with its secret.
///
/// # Errors
/// `TooManyDestinations`, and `Storage` when the database is away.
pub async fn insert(
    tx: &mut Tx<'_>,
    destination: &Destination,
    code: &LinkCode,
    secret: &WebhookSecret,
) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    // Two that are inserted at once would each count without the other.
    persistence::statement(
        "select pg_advisory_xact_lock(hashtext(current_schema() || '/destinations'), hashtext($1::text))",
    )
    .bind::<SqlUuid, _>(organisation)
    .execute(tx.connection())
    .await?;
    let there: i64 =
        destinations::table.filter(destinations::org_id.eq(organisation)).count().get_result(tx.connection()).await?;
    if there >= MOST_DESTINATIONS {
        return Err(Error::TooManyDestinations { limit: MOST_DESTINATIONS });
    }
    diesel::insert_into(destinations::table)
        .values((
            destinations::org_id.eq(organisation),
            destinations::id.eq(destination.id.uuid()),
            destinations::kind.eq(<&str>::from(destination.kind)),
            destinations::name.eq(destination.name.as_str()),
            destinations::language.eq(<&str>::from(destination.language)),
            destinations::manner.eq(serde_json::to_value(&destination.manner)?),
            destinations::state.eq(<&str>::from(destination.state)),
            destinations::rules.eq(serde_json::to_value(&destination.rules)?),
            destinations::code_hash.eq(destination.code_expires_at.map(|_| code.hash())),
            destinations::code_expires_at.eq(destination.code_expires_at),
            destinations::version.eq(destination.version),
            destinations::created_at.eq(destination.created_at),
            destinations::changed_at.eq(destination.changed_at),
        ))
        .execute(tx.connection())
        .await?;
    let (address, secret) = match (&destination.email, &destination.url) {
        (Some(email), _) => (email.as_str(), None),
        (_, Some(url)) => (url.as_str(), Some(secret.expose())),
        (None, None) => return Ok(()),
    };
    diesel::insert_into(recipients::table)
        .values((
            recipients::org_id.eq(organisation),
            recipients::destination.eq(destination.id.uuid()),
            recipients::address.eq(address),
            recipients::secret.eq(secret),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// One destination of the organisation, locked until the transaction ends.
///
/// # Errors
/// `UnknownDestination`, `Corrupt`, and `Storage` when the database is away.
pub async fn lock(tx: &mut Tx<'_>, destination: DestinationId) -> Result<Destination, Error> {
    let found: Option<(Row, Option<Timestamp>)> = destinations::table
        .filter(destinations::org_id.eq(tx.organisation().uuid()))
        .filter(destinations::id.eq(destination.uuid()))
        .select((Row::as_select(), muted_until()))
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    let (row, muted_until) = found.ok_or(Error::UnknownDestination { destination })?;
    let address: Option<String> = recipients::table
        .find((tx.organisation().uuid(), destination.uuid()))
        .select(recipients::address)
        .get_result(tx.connection())
        .await
        .optional()?;
    row.with(muted_until, address.as_deref())
}

/// Writes what staff changed of a destination, which the caller has locked and read as it was `before`. Rules and manner stay as they
/// are stored where they were not changed, with what only another release knows of them.
///
/// # Errors
/// When the database is away.
pub async fn save(tx: &mut Tx<'_>, destination: &Destination, before: &Destination) -> Result<(), Error> {
    let rules = (destination.rules != before.rules).then(|| serde_json::to_value(&destination.rules)).transpose()?;
    let manner =
        (destination.manner != before.manner).then(|| serde_json::to_value(&destination.manner)).transpose()?;
    let row = destinations::table.find((tx.organisation().uuid(), destination.id.uuid()));
    diesel::update(row)
        .set((
            destinations::name.eq(destination.name.as_str()),
            destinations::language.eq(<&str>::from(destination.language)),
            manner.map(|manner| destinations::manner.eq(manner)),
            destinations::state.eq(<&str>::from(destination.state)),
            destinations::reason.eq(destination.reason.as_deref()),
            rules.map(|rules| destinations::rules.eq(rules)),
            destinations::version.eq(destination.version),
            destinations::changed_at.eq(destination.changed_at),
        ))
        .execute(tx.connection())
        .await?;
    if destination.muted_until != before.muted_until {
        persistence::statement(
            "update destinations set muted_until = coalesce($3, 'epoch') where org_id = $1 and id = $2",
        )
        .bind::<SqlUuid, _>(tx.organisation().uuid())
        .bind::<SqlUuid, _>(destination.id.uuid())
        .bind::<Nullable<Timestamptz>, _>(destination.muted_until)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Deletes a destination, which the caller has locked.
///
/// # Errors
/// When the database is away.
pub async fn delete(tx: &mut Tx<'_>, destination: DestinationId) -> Result<(), Error> {
    let row = destinations::table.find((tx.organisation().uuid(), destination.uuid()));
    diesel::delete(row).execute(tx.connection()).await?;
    Ok(())
}

#[derive(QueryableByName)]
struct LinkedRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    rules: Value,
    #[diesel(sql_type = Jsonb)]
    manner: Value,
}

/// The destinations of these organisations that are told something, with their rules and the zone of their clocks. None of them is deleted before the
/// transaction ends.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database is away.
pub async fn linked(
    tx: &mut Tx<'_, Tenants>,
    organisations: &[OrganisationId],
) -> Result<BTreeMap<OrganisationId, Vec<(DestinationId, Rules, TimeZone)>>, Error> {
    let rows: Vec<LinkedRow> = persistence::statement(
        "select org_id, id, rules, manner from destinations where org_id = any($1) and state not in ('waiting', 'ended')
         order by org_id, id for key share",
    )
    .bind::<Array<SqlUuid>, _>(organisations.iter().map(|one| one.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let mut linked: BTreeMap<OrganisationId, Vec<(DestinationId, Rules, TimeZone)>> = BTreeMap::new();
    for row in rows {
        let id = DestinationId::from_uuid(row.id);
        let rules = serde_json::from_value(row.rules).map_err(|error| Error::corrupt(id, error))?;
        let manner: Manner = serde_json::from_value(row.manner).map_err(|error| Error::corrupt(id, error))?;
        linked.entry(OrganisationId::from_uuid(row.org_id)).or_default().push((id, rules, manner.time_zone));
    }
    Ok(linked)
}

#[derive(QueryableByName)]
struct ReceiverRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    chat: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    topic: Option<i64>,
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Jsonb)]
    manner: Value,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    secret: Option<Vec<u8>>,
    #[diesel(sql_type = Bool)]
    silent: bool,
}

impl ReceiverRow {
    fn endpoint(&self, destination: DestinationId) -> Result<Endpoint, Error> {
        let lacks =
            |what: &str| Error::corrupt(destination, format_args!("a destination of kind {} has no {what}", self.kind));
        let address = || self.address.as_deref().ok_or_else(|| lacks("recipient"));
        let malformed = |error| Error::corrupt(destination, error);
        Ok(match self.kind.parse::<DestinationKind>().map_err(|_| lacks("known way"))? {
            DestinationKind::Telegram => {
                let chat = Chat::numbered(self.chat.ok_or_else(|| lacks("chat"))?);
                Endpoint::Chat(Address { chat, topic: self.topic })
            }
            DestinationKind::Email => Endpoint::Email { destination, to: Email::parse(address()?).map_err(malformed)? },
            DestinationKind::Webhook => {
                let secret = WebhookSecret::of_bytes(self.secret.clone().ok_or_else(|| lacks("secret"))?);
                let webhook = Webhook { url: WebhookUrl::parse(address()?).map_err(malformed)?, secret };
                Endpoint::Webhook { destination, webhook }
            }
        })
    }
}

/// Where the messages of a destination go, and how it is spoken to, with the link to orders that all destinations have; none
/// while it is blocked, waits for its chat, has ended or is gone.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database is away.
pub async fn receiver(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    order_link: Option<OrderLink>,
) -> Result<Option<Receiver>, Error> {
    let found: Option<ReceiverRow> = persistence::statement(
        "select t.kind, t.chat, t.topic, t.language, t.manner, r.address, r.secret,
             t.state = 'paused' or t.muted_until > clock_timestamp() as silent
         from destinations t left join recipients r on r.org_id = t.org_id and r.destination = t.id
         where t.org_id = $1 and t.id = $2 and t.state in ('active', 'unreachable', 'paused')
             and t.blocked_until <= clock_timestamp()",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .get_result(tx.connection())
    .await
    .optional()?;
    let Some(row) = found else { return Ok(None) };
    let endpoint = row.endpoint(destination)?;
    let ReceiverRow { language, manner, silent, .. } = row;
    let manner: Manner = serde_json::from_value(manner).map_err(|error| Error::corrupt(destination, error))?;
    let language = Language::parse(&language).map_err(|error| Error::corrupt(destination, error))?;
    let voice = manner.voice(language, order_link);
    Ok(Some(Receiver { endpoint, voice, follow_up: manner.follow_up, silent }))
}

#[derive(QueryableByName)]
struct HeartbeatRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    manner: Value,
}

/// The destinations that are told each day what happened the day before: when, and by whose clocks. Not those that are paused, where
/// silence is no sign, nor those of a suspended organisation. None of them is deleted before the transaction ends.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database is away.
pub async fn with_heartbeat(
    tx: &mut Tx<'_, Platform>,
) -> Result<Vec<(OrganisationId, DestinationId, ClockTime, TimeZone)>, Error> {
    let rows: Vec<HeartbeatRow> = persistence::statement(
        "select t.org_id, t.id, t.manner from destinations t left join organisations o on o.org_id = t.org_id
         where t.state in ('active', 'unreachable') and t.manner ->> 'heartbeat_at' is not null and coalesce(o.active, true)
         order by t.org_id, t.id for key share of t",
    )
    .load(tx.connection())
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for HeartbeatRow { org_id, id, manner } in rows {
        let id = DestinationId::from_uuid(id);
        let manner: Manner = serde_json::from_value(manner).map_err(|error| Error::corrupt(id, error))?;
        found.extend(manner.heartbeat_at.map(|at| (OrganisationId::from_uuid(org_id), id, at, manner.time_zone)));
    }
    Ok(found)
}

#[derive(QueryableByName)]
struct OrganisationRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
}

/// The organisations that trade and of which the chat of the configuration is told, since they have no destination of their own.
///
/// # Errors
/// When the database is away.
pub async fn without(tx: &mut Tx<'_, Platform>) -> Result<Vec<OrganisationId>, Error> {
    let rows: Vec<OrganisationRow> = persistence::statement(
        "select o.org_id from organisations o where o.active and not exists (
             select 1 from destinations t where t.org_id = o.org_id and t.state not in ('waiting', 'ended'))",
    )
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| OrganisationId::from_uuid(row.org_id)).collect())
}

/// Notes that messages get to a destination again.
///
/// # Errors
/// When the database is away.
pub async fn reached(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
) -> Result<(), Error> {
    persistence::statement(
        "update destinations set state = 'active', reason = null, refusals = 0, version = version + 1,
             changed_at = clock_timestamp()
         where org_id = $1 and id = $2 and state = 'unreachable'",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes that messages do not get to a destination, and why. A paused one stays paused.
///
/// # Errors
/// When the database is away.
pub async fn unreachable(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    reason: &str,
) -> Result<(), Error> {
    persistence::statement(
        "update destinations set state = 'unreachable', reason = $3, version = version + 1, changed_at = clock_timestamp(),
             refusals = case when state = 'active' then 0 else refusals end
         where org_id = $1 and id = $2 and (state = 'active' or (state = 'unreachable' and reason <> $3))",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<Text, _>(reason)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Ends a destination, for this reason.
///
/// # Errors
/// When the database is away.
pub async fn end(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    reason: &str,
) -> Result<(), Error> {
    persistence::statement(
        "update destinations set state = 'ended', reason = $3, version = version + 1, changed_at = clock_timestamp()
         where org_id = $1 and id = $2 and state <> 'ended'",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<Text, _>(reason)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct RefusalsRow {
    #[diesel(sql_type = Integer)]
    refusals: i32,
}

/// Locks a destination, and says how often in a row its topic was refused.
///
/// # Errors
/// When the database is away.
pub async fn lock_refusals(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
) -> Result<u32, Error> {
    let row: Option<RefusalsRow> =
        persistence::statement("select refusals from destinations where org_id = $1 and id = $2 for update")
            .bind::<SqlUuid, _>(organisation.uuid())
            .bind::<SqlUuid, _>(destination.uuid())
            .get_result(tx.connection())
            .await
            .optional()?;
    Ok(row.and_then(|row| u32::try_from(row.refusals).ok()).unwrap_or(0))
}

/// Counts a refusal of the topic of a destination, to which no replica sends for this long. Once the lease under which it was
/// refused is settled, this stores nothing.
///
/// # Errors
/// When the database is away.
pub async fn block(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    destination: DestinationId,
    (lane, lease): (&Lane, Lease),
    pause: Duration,
) -> Result<(), Error> {
    persistence::statement(
        "update destinations set refusals = refusals + 1,
             blocked_until = clock_timestamp() + $5 * interval '1 millisecond'
         where org_id = $1 and id = $2
             and exists (select 1 from budgets of_chat where of_chat.subject = $3 and of_chat.claim = $4)",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(destination.uuid())
    .bind::<Text, _>(lane.as_str())
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes that Telegram gave a chat another id.
///
/// # Errors
/// When the database is away.
pub async fn moved(tx: &mut Tx<'_, Platform>, from: i64, to: i64) -> Result<(), Error> {
    persistence::statement(
        "update destinations set chat = $2, version = version + 1, changed_at = clock_timestamp(),
             moved_at = clock_timestamp()
         where chat = $1",
    )
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(to)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct MutedRow {
    #[diesel(sql_type = Timestamptz)]
    muted_until: Timestamp,
}

/// Has nothing told in these destinations for so long, or everything again: until when.
///
/// # Errors
/// When the database is away.
pub async fn mute(
    tx: &mut Tx<'_, Platform>,
    there: &[(OrganisationId, DestinationId)],
    duration: Option<Duration>,
) -> Result<Option<Timestamp>, Error> {
    let milliseconds = duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    let muted: Vec<MutedRow> = persistence::statement(
        "update destinations t
         set muted_until = coalesce(now() + $3 * interval '1 millisecond', 'epoch'::timestamptz)
         from unnest($1, $2) as there (org_id, id) where t.org_id = there.org_id and t.id = there.id
         returning t.muted_until",
    )
    .bind::<Array<SqlUuid>, _>(there.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(there.iter().map(|(_, destination)| destination.uuid()).collect::<Vec<_>>())
    .bind::<Nullable<BigInt>, _>(milliseconds)
    .load(tx.connection())
    .await?;
    Ok(muted.iter().map(|row| row.muted_until).next())
}

#[derive(QueryableByName)]
struct NewlyLinkedRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Links the chat of a message to the destination whose code this is: its organisation, its id and its name. None for a code
/// that is wrong, used or expired.
///
/// # Errors
/// When the database is away.
pub async fn link(
    tx: &mut Tx<'_, Platform>,
    code: &LinkCode,
    from: &Received,
) -> Result<Option<(OrganisationId, DestinationId, String)>, Error> {
    let linked: Option<NewlyLinkedRow> = persistence::statement(
        "update destinations set state = 'active', chat = $2, topic = $3, code_hash = null, code_expires_at = null,
             version = version + 1, changed_at = clock_timestamp()
         where code_hash = $1 and state = 'waiting' and code_expires_at > clock_timestamp()
         returning org_id, id, name",
    )
    .bind::<Binary, _>(code.hash())
    .bind::<BigInt, _>(from.chat)
    .bind::<Nullable<BigInt>, _>(from.topic)
    .get_result(tx.connection())
    .await
    .optional()?;
    Ok(linked.map(|row| (OrganisationId::from_uuid(row.org_id), DestinationId::from_uuid(row.id), row.name)))
}

#[derive(QueryableByName)]
struct StatusRow {
    #[diesel(sql_type = Text)]
    organisation: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    muted_until: Option<Timestamp>,
}

/// What is linked to the chat and topic of a message, at most ten destinations.
///
/// # Errors
/// When the database is away.
pub async fn of_chat(tx: &mut Tx<'_, Platform>, from: &Received) -> Result<Vec<Linked>, Error> {
    let rows: Vec<StatusRow> = persistence::statement(
        "select coalesce(o.name || ' (' || o.slug || ')', t.org_id::text) as organisation, t.name, t.state,
             (select count(*) from deliveries d where d.org_id = t.org_id and d.destination = t.id and d.state = 'pending')
                 as pending,
             (select count(*) from deliveries d where d.org_id = t.org_id and d.destination = t.id and d.state = 'failed')
                 as failed,
             case when t.muted_until > clock_timestamp() then t.muted_until end as muted_until
         from destinations t left join organisations o on o.org_id = t.org_id
         where t.chat = $1 and t.topic is not distinct from $2 order by t.id limit 10",
    )
    .bind::<BigInt, _>(from.chat)
    .bind::<Nullable<BigInt>, _>(from.topic)
    .load(tx.connection())
    .await?;
    let linked = |row: StatusRow| Linked {
        organisation: row.organisation,
        name: row.name,
        state: row.state.parse().unwrap_or(DestinationState::Active),
        pending: row.pending,
        failed: row.failed,
        muted_until: row.muted_until,
    };
    Ok(rows.into_iter().map(linked).collect())
}
