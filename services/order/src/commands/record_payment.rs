//! Recording money that was received, promised or given back. The rules: a refund is of a payment, and takes no more of it than is
//! left; the provider moves the money last, when nothing but the database can still refuse; what was recorded under a key is not
//! recorded again.

use access::Permission;
use contracts::order::PaymentKind;
use kernel::{Money, OrderId, PaymentId};
use mediator::{Command, IdempotencyKey, Tenant};
use persistence::Tx;

use super::{OrderChange, finish, lock};
use crate::{
    domain::{
        Action, Label, MoneyRequest, Movement, NotMoved, Order, Payment, Payments, Refund, Remark, RequestKey,
        Requester, Trigger,
    },
    error::Error,
    store::payments::{self, Left},
};

/// Records money that was received or promised.
#[derive(Debug, Clone)]
pub struct RecordPayment {
    /// The order.
    pub order: OrderId,
    /// Whether the money is there.
    pub kind: PaymentKind,
    /// How it was paid.
    pub method: Label,
    /// The payer's or the bank's reference.
    pub reference: Option<Label>,
    /// How much.
    pub amount: Money,
    /// The key under which the client asks.
    pub key: IdempotencyKey,
    /// Who moves the money.
    pub payments: Payments,
}

impl Command for RecordPayment {
    const NAME: &'static str = "order.record-payment";
    const REQUIRES: Permission = Permission::OrderRefund;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        in_currency_of(&order, self.amount)?;
        let key = request_key::<Self>(tx, &self.key, self.order, (self.kind.into(), &self.method), self.amount);
        let mut payment = Payment {
            id: key.id(),
            kind: self.kind,
            provider: self.payments.provider().name(),
            method: self.method.clone(),
            reference: self.reference.clone(),
            provider_reference: None,
            amount: self.amount,
        };
        if payments::is_recorded(tx, self.order, payment.id).await? {
            return Ok(OrderChange { payment: Some(payment.id), ..finish(tx, order, None).await? });
        }
        // What the order refuses is not asked for.
        order.clone().take(Trigger::RecordPayment(payment.clone()), None)?;
        let movement = match self.kind {
            PaymentKind::Authorised => Movement::Authorise,
            PaymentKind::Received => Movement::Capture,
        };
        let request = MoneyRequest {
            order: self.order,
            payment: payment.id,
            movement,
            method: self.method.clone(),
            amount: self.amount,
            key,
        };
        let moved = self.payments.provider().carry_out(&request).await;
        payment.provider_reference = moved.map_err(|why| not_moved(&order, Action::RecordPayment, why))?.reference;
        let step = order.take(Trigger::RecordPayment(payment.clone()), None)?;
        payments::insert(tx, self.order, &payment, order.now).await?;
        Ok(OrderChange { payment: Some(payment.id), ..finish(tx, order, step).await? })
    }
}

/// Records money that was given back of a payment.
#[derive(Debug, Clone)]
pub struct RecordRefund {
    /// The order.
    pub order: OrderId,
    /// The payment that it is of.
    pub payment: PaymentId,
    /// How it was given back.
    pub method: Label,
    /// The payee's or the bank's reference.
    pub reference: Option<Label>,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: Option<Remark>,
    /// The key under which the client asks.
    pub key: IdempotencyKey,
    /// Who moves the money.
    pub payments: Payments,
}

impl Command for RecordRefund {
    const NAME: &'static str = "order.record-refund";
    const REQUIRES: Permission = Permission::OrderRefund;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        in_currency_of(&order, self.amount)?;
        let key =
            request_key::<Self>(tx, &self.key, self.order, (&self.payment.to_string(), &self.method), self.amount);
        let mut refund = Refund {
            id: key.id(),
            payment: self.payment,
            method: self.method.clone(),
            reference: self.reference.clone(),
            provider_reference: None,
            amount: self.amount,
        };
        if payments::is_refunded(tx, self.order, refund.id).await? {
            return Ok(OrderChange { refund: Some(refund.id), ..finish(tx, order, None).await? });
        }
        let Left { provider, minor: left } = payments::left(tx, self.order, self.payment).await?;
        let trigger = |refund: &Refund| Trigger::Refund { refund: refund.clone(), left };
        // What the order refuses is not asked for.
        order.clone().take(trigger(&refund), self.reason.clone())?;
        let request = MoneyRequest {
            order: self.order,
            payment: self.payment,
            movement: Movement::Refund(refund.id),
            method: self.method.clone(),
            amount: self.amount,
            key,
        };
        let moved = self.payments.of(provider).carry_out(&request).await;
        refund.provider_reference = moved.map_err(|why| not_moved(&order, Action::Refund, why))?.reference;
        let step = order.take(trigger(&refund), self.reason.clone())?;
        payments::insert_refund(tx, self.order, &refund, order.now).await?;
        Ok(OrderChange { refund: Some(refund.id), ..finish(tx, order, step).await? })
    }
}

/// What the provider is asked under: the name under which the reply is recorded, and what is asked for.
fn request_key<C: Command>(
    tx: &Tx<'_>,
    key: &IdempotencyKey,
    order: OrderId,
    (what, method): (&str, &Label),
    amount: Money,
) -> RequestKey {
    let what = format!("{what} {method}");
    RequestKey::of(tx.organisation(), [&tx.provenance().actor, C::NAME, key.as_str()], order, &what, amount)
}

fn not_moved(order: &Order, action: Action, why: NotMoved) -> Error {
    match why {
        NotMoved::Refused(reason) => order.refused(Requester::Staff, action, reason),
        NotMoved::Away(reason) => Error::ProviderAway { order: order.id, reason },
    }
}

fn in_currency_of(order: &Order, amount: Money) -> Result<(), Error> {
    let currency = order.total.currency();
    if amount.currency() == currency { Ok(()) } else { Err(Error::OtherCurrency { order: order.id, currency }) }
}
