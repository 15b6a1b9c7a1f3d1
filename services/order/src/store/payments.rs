//! Payments and refunds. The rules: whoever writes one has locked its order, and nothing changes what was written.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, dsl::exists};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, PaymentId, RefundId, Timestamp, parse_name};
use persistence::Tx;

use crate::{
    domain::{Label, Payment, Provider, Refund},
    error::Error,
    schema::{order_payments, order_refunds},
};

/// Writes a payment.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert(tx: &mut Tx<'_>, order: OrderId, payment: &Payment, now: Timestamp) -> Result<(), Error> {
    let actor = tx.provenance().actor.clone();
    diesel::insert_into(order_payments::table)
        .values((
            order_payments::org_id.eq(tx.organisation().uuid()),
            order_payments::order_id.eq(order.uuid()),
            order_payments::id.eq(payment.id.uuid()),
            order_payments::kind.eq(<&str>::from(payment.kind)),
            order_payments::provider.eq(<&str>::from(payment.provider)),
            order_payments::method.eq(payment.method.as_str()),
            order_payments::reference.eq(payment.reference.as_ref().map(Label::as_str)),
            order_payments::provider_reference.eq(payment.provider_reference.as_ref().map(Label::as_str)),
            order_payments::amount_minor.eq(payment.amount.minor()),
            order_payments::actor.eq(actor),
            order_payments::recorded_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whether the order has this payment.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn is_recorded(tx: &mut Tx<'_>, order: OrderId, payment: PaymentId) -> Result<bool, Error> {
    let found = order_payments::table
        .filter(order_payments::org_id.eq(tx.organisation().uuid()))
        .filter(order_payments::order_id.eq(order.uuid()))
        .filter(order_payments::id.eq(payment.uuid()));
    Ok(diesel::select(exists(found)).get_result(tx.connection()).await?)
}

/// Whether the order has this refund.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn is_refunded(tx: &mut Tx<'_>, order: OrderId, refund: RefundId) -> Result<bool, Error> {
    let found = order_refunds::table
        .filter(order_refunds::org_id.eq(tx.organisation().uuid()))
        .filter(order_refunds::order_id.eq(order.uuid()))
        .filter(order_refunds::id.eq(refund.uuid()));
    Ok(diesel::select(exists(found)).get_result(tx.connection()).await?)
}

/// What is left of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Who took it in.
    pub provider: Provider,
    /// What was received and has not been given back, in minor units. Of a promise nothing was received.
    pub minor: i64,
}

/// What was received with a payment and has not been given back.
///
/// # Errors
/// `PaymentNotFound` when the order has no such payment, `Storage` when the database fails, `Corrupt` when its provider is none that
/// this release knows.
pub async fn left(tx: &mut Tx<'_>, order: OrderId, payment: PaymentId) -> Result<Left, Error> {
    let organisation = tx.organisation().uuid();
    let row: Option<(String, String, i64)> = order_payments::table
        .filter(order_payments::org_id.eq(organisation))
        .filter(order_payments::order_id.eq(order.uuid()))
        .filter(order_payments::id.eq(payment.uuid()))
        .select((order_payments::kind, order_payments::provider, order_payments::amount_minor))
        .get_result(tx.connection())
        .await
        .optional()?;
    let (kind, provider, amount) = row.ok_or(Error::PaymentNotFound { order, payment })?;
    let provider = parse_name("provider", &provider).map_err(|malformed| Error::corrupt(payment, malformed))?;
    if kind != <&str>::from(contracts::order::PaymentKind::Received) {
        return Ok(Left { provider, minor: 0 });
    }
    let refunds: Vec<i64> = order_refunds::table
        .filter(order_refunds::org_id.eq(organisation))
        .filter(order_refunds::order_id.eq(order.uuid()))
        .filter(order_refunds::payment_id.eq(payment.uuid()))
        .select(order_refunds::amount_minor)
        .load(tx.connection())
        .await?;
    Ok(Left { provider, minor: refunds.into_iter().fold(amount, i64::saturating_sub) })
}

/// Writes a refund.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert_refund(tx: &mut Tx<'_>, order: OrderId, refund: &Refund, now: Timestamp) -> Result<(), Error> {
    let actor = tx.provenance().actor.clone();
    diesel::insert_into(order_refunds::table)
        .values((
            order_refunds::org_id.eq(tx.organisation().uuid()),
            order_refunds::order_id.eq(order.uuid()),
            order_refunds::id.eq(refund.id.uuid()),
            order_refunds::payment_id.eq(refund.payment.uuid()),
            order_refunds::method.eq(refund.method.as_str()),
            order_refunds::reference.eq(refund.reference.as_ref().map(Label::as_str)),
            order_refunds::provider_reference.eq(refund.provider_reference.as_ref().map(Label::as_str)),
            order_refunds::amount_minor.eq(refund.amount.minor()),
            order_refunds::actor.eq(actor),
            order_refunds::recorded_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}
