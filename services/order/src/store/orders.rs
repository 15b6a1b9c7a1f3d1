//! Inserts, locks and saves orders. The rules: every lock is taken in the order of the ids, and what a batch writes is
//! a fixed number of statements whatever its size.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
    dsl::{LtEq, now},
    sql_types::{Array, BigInt, Binary, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Money, OrderId, Timestamp};
use persistence::{Tx, statement};
use uuid::Uuid;

use crate::{
    domain::{Facts, FulfilmentStatus, Line, Order, PaymentStatus, Reference, Status, Step, TokenDigest},
    error::Error,
    schema::orders,
};

/// An order that is about to be placed.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// Its identity.
    pub id: OrderId,
    /// Its lines, each SKU once.
    pub lines: &'a [Line],
    /// The sum of the lines.
    pub total: Money,
    /// The shopper's reference.
    pub reference: Option<&'a Reference>,
    /// The digest of the token that its holder gets.
    pub token: &'a TokenDigest,
    /// Seconds until it is cancelled unless catalog has answered.
    pub deadline_seconds: f64,
}

/// When an order was placed and when it is due, by the database's clock.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Times {
    /// When it was placed.
    #[diesel(sql_type = Timestamptz)]
    pub placed_at: Timestamp,
    /// When it is cancelled unless catalog has answered.
    #[diesel(sql_type = Timestamptz)]
    pub deadline_at: Timestamp,
}

/// Writes an order, its lines and the beginning of its history, in one statement.
///
/// # Errors
/// `Storage` when the database fails or a constraint refuses.
pub async fn insert(tx: &mut Tx<'_>, order: &NewOrder<'_>) -> Result<Times, Error> {
    let (organisation, actor) = (tx.organisation().uuid(), tx.provenance().actor.clone());
    let lines = order.lines;
    let insert = statement(
        "with placed as (
            insert into orders (org_id, id, status, total_minor, currency, shopper_reference, token_digest, version,
                                placed_at, deadline_at, updated_at)
            values ($1, $2, 'pending', $3, $4, $5, $6, 1, now(), now() + make_interval(secs => $7), now())
            returning placed_at, deadline_at
        ), written as (
            insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                     variant_title, quantity, unit_price_minor)
            select $1, $2, (line.number - 1)::integer, line.sku, line.product_id, line.variant_id, line.product_version,
                   line.title, line.variant_title, line.quantity, line.unit_price_minor
            from unnest($8, $9, $10, $11, $12, $13, $14, $15) with ordinality
                as line (sku, product_id, variant_id, product_version, title, variant_title, quantity,
                         unit_price_minor, number)
        ), noted as (
            insert into order_history (org_id, order_id, version, from_status, to_status, cause, actor, occurred_at)
            values ($1, $2, 1, null, 'pending', 'placed', $16, now())
        )
        select placed_at, deadline_at from placed",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<SqlUuid, _>(order.id.uuid())
    .bind::<BigInt, _>(order.total.minor())
    .bind::<Text, _>(order.total.currency().code().to_owned())
    .bind::<Nullable<Text>, _>(order.reference.map(|reference| reference.as_str().to_owned()))
    .bind::<Binary, _>(order.token.as_bytes().to_vec())
    .bind::<Double, _>(order.deadline_seconds)
    .bind::<Array<Text>, _>(column(lines, |line| line.sku.to_string()))
    .bind::<Array<SqlUuid>, _>(column(lines, |line| line.product.uuid()))
    .bind::<Array<SqlUuid>, _>(column(lines, |line| line.variant.uuid()))
    .bind::<Array<BigInt>, _>(column(lines, |line| line.product_version))
    .bind::<Array<Text>, _>(column(lines, |line| line.title.clone()))
    .bind::<Array<Text>, _>(column(lines, |line| line.variant_title.clone()))
    .bind::<Array<BigInt>, _>(column(lines, |line| line.quantity.get()))
    .bind::<Array<BigInt>, _>(column(lines, |line| line.unit_price.minor()))
    .bind::<Text, _>(actor);
    Ok(insert.get_result(tx.connection()).await?)
}

/// Locks the orders until the transaction ends and reads what transitions need; an order that does not exist is left
/// out.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub async fn lock(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<Vec<Order>, Error> {
    let rows: Vec<LockedRow> = orders::table
        .filter(orders::org_id.eq(tx.organisation().uuid()))
        .filter(orders::id.eq_any(column(ids, |id| id.uuid())))
        .order(orders::id)
        .select(LockedRow::as_select())
        .for_update()
        .load(tx.connection())
        .await?;
    rows.into_iter().map(Order::try_from).collect()
}

/// The digest of an order's token. No lock is needed: it never changes.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn token(tx: &mut Tx<'_>, order: OrderId) -> Result<Option<TokenDigest>, Error> {
    let digest: Option<Vec<u8>> = orders::table
        .filter(orders::org_id.eq(tx.organisation().uuid()))
        .filter(orders::id.eq(order.uuid()))
        .select(orders::token_digest)
        .get_result(tx.connection())
        .await
        .optional()?;
    Ok(digest.map(TokenDigest::stored))
}

/// One row of an order's history.
#[derive(Debug)]
pub struct HistoryEntry<'a> {
    /// The transition.
    pub step: &'a Step,
    /// Who acted, as in `access::Caller::actor`.
    pub actor: &'a str,
}

/// Writes the changed orders and the history of how they changed, in one statement. An order that took two steps in one
/// batch is written once and gets two rows of history.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a reason has no JSON form.
pub async fn save(tx: &mut Tx<'_>, changed: &[&Order], history: &[HistoryEntry<'_>]) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    let mut reasons = Vec::with_capacity(changed.len());
    for order in changed {
        let json = order.reasons.as_ref().map(serde_json::to_value).transpose();
        reasons.push(json.map_err(|error| Error::corrupt(order.id(), error))?);
    }
    statement(
        "with saved as (
            update orders o
            set status = n.status, version = n.version, reasons = n.reasons, cancel_cause = n.cause,
                settled_at = coalesce(o.settled_at, now()), updated_at = now()
            from unnest($2, $3, $4, $5, $6) as n (id, status, version, reasons, cause)
            where o.org_id = $1 and o.id = n.id
        )
        insert into order_history (org_id, order_id, version, from_status, to_status, cause, actor, occurred_at)
        select $1, h.order_id, h.version, h.from_status, h.to_status, h.cause, h.actor, now()
        from unnest($7, $8, $9, $10, $11, $12) as h (order_id, version, from_status, to_status, cause, actor)",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<Array<SqlUuid>, _>(column(changed, |order| order.id.uuid()))
    .bind::<Array<Text>, _>(column(changed, |order| order.status.as_str()))
    .bind::<Array<BigInt>, _>(column(changed, |order| order.version))
    .bind::<Array<Nullable<Jsonb>>, _>(reasons)
    .bind::<Array<Nullable<Text>>, _>(column(changed, |order| order.cause.map(<&'static str>::from)))
    .bind::<Array<SqlUuid>, _>(column(history, |entry| entry.step.order.uuid()))
    .bind::<Array<BigInt>, _>(column(history, |entry| entry.step.version))
    .bind::<Array<Text>, _>(column(history, |entry| entry.step.from.as_str()))
    .bind::<Array<Text>, _>(column(history, |entry| entry.step.to.as_str()))
    .bind::<Array<Text>, _>(column(history, |entry| entry.step.on.as_str()))
    .bind::<Array<Text>, _>(column(history, |entry| entry.actor.to_owned()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders, check_for_backend(diesel::pg::Pg))]
struct LockedRow {
    id: Uuid,
    status: String,
    payment_status: String,
    fulfilment_status: String,
    total_minor: i64,
    currency: String,
    version: i64,
    #[diesel(select_expression = orders::deadline_at.le(now), select_expression_type = LtEq<orders::deadline_at, now>)]
    overdue: bool,
}

impl TryFrom<LockedRow> for Order {
    type Error = Error;

    fn try_from(row: LockedRow) -> Result<Self, Error> {
        let id = OrderId::from_uuid(row.id);
        let read = || -> Result<Self, kernel::Malformed> {
            Ok(Self {
                id,
                status: Status::parse(&row.status)?,
                facts: Facts {
                    payment: PaymentStatus::parse(&row.payment_status)?,
                    fulfilment: FulfilmentStatus::parse(&row.fulfilment_status)?,
                    overdue: row.overdue,
                },
                total: Money::from_minor(row.total_minor, Currency::parse(&row.currency)?)?,
                version: row.version,
                // Only a transition sets these, and no transition leaves a status that has one of them.
                reasons: None,
                cause: None,
            })
        };
        read().map_err(|malformed| Error::corrupt(id, malformed))
    }
}
