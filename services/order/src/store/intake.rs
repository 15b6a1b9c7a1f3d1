//! Keeps orders that were taken in until they are decided. The rules: rows are locked in the order of their ids, a batch is a fixed
//! number of statements, and what is wanted goes with the decision.

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Binary, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{BuyerId, ChannelCode, CustomerId, OrderId, OrganisationId, Timestamp, parse_name};
use persistence::{Platform, Tenancy, Tx, statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{
        ContactDetails, Draft, HoldLimits, IntakeStatus, Origin, PlacementRefusal, Reference, Remark, TokenDigest,
        WantedOrder,
    },
    error::Error,
};

/// An order that is taken in.
#[derive(Debug)]
pub struct NewIntake<'a> {
    /// Whose shop it is taken in for.
    pub organisation: OrganisationId,
    /// Who asks, as in `access::Caller::actor`.
    pub actor: &'a str,
    /// What is wanted.
    pub order: &'a WantedOrder,
}

/// An order whose turn has come.
#[derive(Debug)]
pub struct Waiting {
    /// Whose shop it was taken in for.
    pub organisation: OrganisationId,
    /// Who asked, as in `access::Caller::actor`.
    pub actor: String,
    /// What is wanted.
    pub order: WantedOrder,
}

/// What became of an order whose turn had come.
#[derive(Debug)]
pub struct Decided {
    /// Whose shop it was taken in for.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// Why it was refused; none where it was placed.
    pub refusal: Option<PlacementRefusal>,
}

/// What placing needs and no column has. A member that is missing was not said, or was forgotten.
#[derive(Serialize, Deserialize)]
struct Wanted {
    draft: Draft,
    channel: ChannelCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "ContactDetails::is_empty")]
    contact_details: ContactDetails,
    limits: HoldLimits,
    deadline_seconds: u32,
}

impl Wanted {
    fn of(order: &WantedOrder) -> Result<Value, Error> {
        let wanted = Self {
            draft: order.draft.clone(),
            channel: order.channel.clone(),
            reference: order.reference.clone(),
            contact_details: order.contact_details.clone(),
            limits: order.limits,
            deadline_seconds: order.deadline_seconds,
        };
        serde_json::to_value(wanted).map_err(|error| Error::corrupt(order.order, error))
    }
}

/// Takes orders in, in one statement. Returns the time of the transaction.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when an order has no JSON form.
pub async fn insert<T: Tenancy>(tx: &mut Tx<'_, T>, orders: &[NewIntake<'_>]) -> Result<Timestamp, Error> {
    let wanted: Vec<Value> = orders.iter().map(|new| Wanted::of(new.order)).collect::<Result<_, _>>()?;
    let row: TimeRow = statement(
        "with taken as (
            insert into order_intake (org_id, id, actor, token_digest, customer_id, wanted, buyer_key, placed_from)
            select * from unnest($1, $2, $3, $4, $5, $6, $7, $8)
        )
        select now() as at",
    )
    .bind::<Array<SqlUuid>, _>(column(orders, |new| new.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(orders, |new| new.order.order.uuid()))
    .bind::<Array<Text>, _>(column(orders, |new| new.actor.to_owned()))
    .bind::<Array<Binary>, _>(column(orders, |new| new.order.token.as_bytes().to_vec()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(orders, |new| new.order.customer.map(CustomerId::uuid)))
    .bind::<Array<Jsonb>, _>(wanted)
    .bind::<Array<Nullable<Text>>, _>(column(orders, |new| new.order.buyer_key().map(|key| key.as_str().to_owned())))
    .bind::<Array<Nullable<Binary>>, _>(column(orders, |new| {
        new.order.counted_from().map(|from| from.as_bytes().to_vec())
    }))
    .get_result(tx.connection())
    .await?;
    Ok(row.at)
}

/// Locks those of the orders that wait, until the transaction ends. One that was decided, or is not kept any more, is left out.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row cannot be read.
pub async fn lock<T: Tenancy>(tx: &mut Tx<'_, T>, wanted: &[(OrganisationId, OrderId)]) -> Result<Vec<Waiting>, Error> {
    let rows: Vec<WaitingRow> = statement(
        "select i.org_id, i.id, i.actor, i.token_digest, i.customer_id, i.wanted, i.placed_from
         from unnest($1, $2) as asked (org_id, id)
         join order_intake i on i.org_id = asked.org_id and i.id = asked.id
         where i.status = 'queued'
         order by i.org_id, i.id
         for update of i",
    )
    .bind::<Array<SqlUuid>, _>(column(wanted, |(organisation, _)| organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(wanted, |(_, order)| order.uuid()))
    .load(tx.connection())
    .await?;
    rows.into_iter().map(WaitingRow::waiting).collect()
}

/// Writes what became of orders that the caller has locked, and lets go of what was wanted.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a refusal has no JSON form.
pub async fn decide<T: Tenancy>(tx: &mut Tx<'_, T>, decided: &[Decided]) -> Result<(), Error> {
    let refusal = |one: &Decided| {
        one.refusal.as_ref().map(serde_json::to_value).transpose().map_err(|error| Error::corrupt(one.order, error))
    };
    let refusals: Vec<Option<Value>> = decided.iter().map(refusal).collect::<Result<_, _>>()?;
    let status = |one: &Decided| if one.refusal.is_some() { IntakeStatus::Refused } else { IntakeStatus::Placed };
    statement(
        "update order_intake i
         set status = d.status, refusal = d.refusal, decided_at = now(), wanted = null, buyer_key = null, placed_from = null
         from unnest($1, $2, $3, $4) as d (org_id, id, status, refusal)
         where i.org_id = d.org_id and i.id = d.id",
    )
    .bind::<Array<SqlUuid>, _>(column(decided, |one| one.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(decided, |one| one.order.uuid()))
    .bind::<Array<Text>, _>(column(decided, |one| <&str>::from(status(one))))
    .bind::<Array<Nullable<Jsonb>>, _>(refusals)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Cancels an order of the organisation that waits for its turn, keeps who does and why, and lets go of what was wanted. Returns where
/// it stood before: the row stays locked, so of a cancellation and a turn one comes first.
///
/// # Errors
/// `NotFound` when the order was never queued or is not kept any more, `Storage` when the database fails, `Corrupt` when its status cannot
/// be read.
pub async fn cancel(tx: &mut Tx<'_>, order: OrderId, reason: Option<&Remark>) -> Result<IntakeStatus, Error> {
    let (organisation, actor) = (tx.organisation().uuid(), tx.provenance().actor.clone());
    let row: Option<StatusRow> = statement("select status from order_intake where org_id = $1 and id = $2 for update")
        .bind::<SqlUuid, _>(organisation)
        .bind::<SqlUuid, _>(order.uuid())
        .get_result(tx.connection())
        .await
        .optional()?;
    let status = row.ok_or(Error::NotFound { order })?.status;
    let status = parse_name("intake status", &status).map_err(|malformed| Error::corrupt(order, malformed))?;
    if status == IntakeStatus::Queued {
        statement(
            "update order_intake
             set status = 'cancelled', decided_at = now(), wanted = null, buyer_key = null, placed_from = null,
                 cancelled_by = $3, cancel_reason = $4
             where org_id = $1 and id = $2",
        )
        .bind::<SqlUuid, _>(organisation)
        .bind::<SqlUuid, _>(order.uuid())
        .bind::<Text, _>(actor)
        .bind::<Nullable<Text>, _>(reason.map(Remark::as_str))
        .execute(tx.connection())
        .await?;
    }
    Ok(status)
}

/// What proves whose a queued order is: the digest of its token, and its customer if it has one. Neither ever changes.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn proofs(tx: &mut Tx<'_>, order: OrderId) -> Result<Option<(TokenDigest, Option<CustomerId>)>, Error> {
    let row: Option<ProofRow> =
        statement("select token_digest, customer_id from order_intake where org_id = $1 and id = $2")
            .bind::<SqlUuid, _>(tx.organisation().uuid())
            .bind::<SqlUuid, _>(order.uuid())
            .get_result(tx.connection())
            .await
            .optional()?;
    Ok(row.map(|row| (TokenDigest::stored(row.token_digest), row.customer_id.map(CustomerId::from_uuid))))
}

/// Notes that the turn of these orders is asked for again, and when: of those that wait and were neither queued nor asked for within so
/// many seconds.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn ask_again(
    tx: &mut Tx<'_>,
    orders: &[OrderId],
    after_seconds: f64,
) -> Result<Vec<(OrderId, Timestamp)>, Error> {
    let rows: Vec<AskedRow> = statement(
        "with stalled as (
            select i.org_id, i.id from order_intake i
            where i.org_id = $1 and i.id = any($2) and i.status = 'queued'
              and coalesce(i.asked_at, i.queued_at) < now() - make_interval(secs => $3)
            order by i.id for update of i
        )
        update order_intake i set asked_at = now()
        from stalled s where i.org_id = s.org_id and i.id = s.id
        returning i.id, i.asked_at as at",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(column(orders, |order| order.uuid()))
    .bind::<Double, _>(after_seconds)
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|AskedRow { id, at }| (OrderId::from_uuid(id), at)).collect())
}

/// Empties what a person said with orders that still wait, which are then placed without it.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn forget(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<(), Error> {
    statement(
        "with theirs as (
            select i.org_id, i.id from buyers b join order_intake i on i.org_id = b.org_id and i.buyer_key = b.key
            where b.org_id = $1 and b.id = $2
            order by i.id for update of i
        )
        update order_intake i
        set wanted = i.wanted - 'contact_details' - 'reference', buyer_key = null, placed_from = null
        from theirs t where i.org_id = t.org_id and i.id = t.id and i.status = 'queued'",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(buyer.uuid())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes at most so many orders that were decided longer ago than this, in seconds, whoever they belong to; how many it were.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn clear(tx: &mut Tx<'_, Platform>, kept_seconds: f64, most: i64) -> Result<usize, Error> {
    let removed = statement(
        "delete from order_intake i using (
            select org_id, id from order_intake where decided_at < now() - make_interval(secs => $1) limit $2) old
         where i.org_id = old.org_id and i.id = old.id",
    )
    .bind::<Double, _>(kept_seconds)
    .bind::<BigInt, _>(most)
    .execute(tx.connection())
    .await?;
    Ok(removed)
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

#[derive(QueryableByName)]
struct TimeRow {
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

#[derive(QueryableByName)]
struct StatusRow {
    #[diesel(sql_type = Text)]
    status: String,
}

#[derive(QueryableByName)]
struct ProofRow {
    #[diesel(sql_type = Binary)]
    token_digest: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
}

#[derive(QueryableByName)]
struct AskedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

#[derive(QueryableByName)]
struct WaitingRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Binary)]
    token_digest: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
    #[diesel(sql_type = Jsonb)]
    wanted: Value,
    #[diesel(sql_type = Nullable<Binary>)]
    placed_from: Option<Vec<u8>>,
}

impl WaitingRow {
    fn waiting(self) -> Result<Waiting, Error> {
        let order = OrderId::from_uuid(self.id);
        // The cause would repeat what somebody said, in a log.
        let unreadable = |_| Error::corrupt(order, "what is wanted is in no form that this release reads");
        let wanted: Wanted = serde_json::from_value(self.wanted).map_err(unreadable)?;
        let Wanted { draft, channel, reference, contact_details, limits, deadline_seconds } = wanted;
        let order = WantedOrder {
            order,
            token: TokenDigest::stored(self.token_digest),
            draft,
            channel,
            reference,
            customer: self.customer_id.map(CustomerId::from_uuid),
            contact_details,
            placed_from: self.placed_from.as_deref().and_then(Origin::stored),
            limits,
            deadline_seconds,
        };
        Ok(Waiting { organisation: OrganisationId::from_uuid(self.org_id), actor: self.actor, order })
    }
}
