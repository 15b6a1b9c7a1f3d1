//! Recording money that was received, promised or given back. The rules: a refund is of a payment, and takes no more of it than is
//! left; the provider moves the money last, when nothing but the database can still refuse.

use access::Permission;
use contracts::order::PaymentKind;
use kernel::{Money, OrderId, PaymentId, RefundId};
use mediator::{Command, IdempotencyKey, Tenant};
use persistence::Tx;

use super::{OrderChange, finish, lock};
use crate::{
    domain::{Action, Label, MoneyRequest, NotMoved, Order, Payment, Payments, Refund, Remark, Requester, Trigger},
    error::Error,
    store::payments::{self, Left},
};

/// Records money that was received or promised.
#[derive(Debug, Clone)]
pub struct RecordPayment {
    /// The order.
    pub order: OrderId,
    /// The identity that the payment will have.
    pub id: PaymentId,
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
        let payment = Payment {
            id: self.id,
            kind: self.kind,
            provider: self.payments.provider().name(),
            method: self.method.clone(),
            reference: self.reference.clone(),
            amount: self.amount,
        };
        let before = order.clone();
        let step = order.take(Trigger::RecordPayment(payment.clone()), None)?;
        let request = request::<Self>(tx, &self.key, (self.order, self.amount));
        let moved = self.payments.provider().receive(&request, &payment).await;
        moved.map_err(|why| not_moved(&before, Action::RecordPayment, why))?;
        payments::insert(tx, self.order, &payment, order.now).await?;
        Ok(OrderChange { payment: Some(self.id), ..finish(tx, order, step).await? })
    }
}

/// Records money that was given back of a payment.
#[derive(Debug, Clone)]
pub struct RecordRefund {
    /// The order.
    pub order: OrderId,
    /// The identity that the refund will have.
    pub id: RefundId,
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
        let Left { provider, minor: left } = payments::left(tx, self.order, self.payment).await?;
        let refund = Refund {
            id: self.id,
            payment: self.payment,
            method: self.method.clone(),
            reference: self.reference.clone(),
            amount: self.amount,
        };
        let before = order.clone();
        let step = order.take(Trigger::Refund { refund: refund.clone(), left }, self.reason.clone())?;
        let request = request::<Self>(tx, &self.key, (self.order, self.amount));
        let moved = self.payments.of(provider).give_back(&request, &refund).await;
        moved.map_err(|why| not_moved(&before, Action::Refund, why))?;
        payments::insert_refund(tx, self.order, &refund, order.now).await?;
        Ok(OrderChange { refund: Some(self.id), ..finish(tx, order, step).await? })
    }
}

/// What the provider is asked under: the name under which the reply is recorded, too.
fn request<C: Command>(tx: &Tx<'_>, key: &IdempotencyKey, (order, amount): (OrderId, Money)) -> MoneyRequest {
    MoneyRequest::of(tx.organisation(), [&tx.provenance().actor, C::NAME, key.as_str()], order, amount)
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
