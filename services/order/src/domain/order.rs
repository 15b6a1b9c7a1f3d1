//! The order: what it looks like from outside, and the state that its transitions work on. The rule: the version rises
//! by one with every transition and each transition is one event.

use kernel::{Money, OrderId, ProductId, Quantity, Sku, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    draft::{Offer, Reference},
    refusal::Refusal,
    status::{Cause, Effect, Facts, FulfilmentStatus, PaymentStatus, Status, Trigger, decide},
};

/// One line, with the price and the version of the product at the time of placing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The product's version that title and price are of.
    pub product_version: i64,
    /// What the product was called.
    pub title: String,
    /// What the variant was called; may be empty.
    pub variant_title: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all.
    pub amount: Money,
}

impl Line {
    /// A line of this offer.
    #[must_use]
    pub fn of(offer: &Offer, quantity: Quantity, amount: Money) -> Self {
        Self {
            sku: offer.sku.clone(),
            product: offer.product,
            variant: offer.variant,
            product_version: offer.product_version,
            title: offer.title.clone(),
            variant_title: offer.variant_title.clone(),
            quantity,
            unit_price: offer.price,
            amount,
        }
    }
}

/// An order as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Its identity.
    pub id: OrderId,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// What was ordered, each SKU once.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// The shopper's own word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Why it was rejected; absent otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Refusal>,
    /// What called it off; absent unless it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_cause: Option<Cause>,
    /// Rises by one with every transition; the same number that its events carry.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it is called off unless catalog has answered.
    pub deadline_at: Timestamp,
    /// When it first stopped being pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An order as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Its identity.
    pub id: OrderId,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment_status: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment_status: FulfilmentStatus,
    /// The sum of its lines.
    pub total: Money,
    /// The shopper's own word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Rises by one with every transition.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What catalog says about an order's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every line is reserved.
    Reserved,
    /// Nothing is reserved, and why.
    Refused(Vec<Refusal>),
    /// What was reserved is not any more.
    ReservationLost,
}

/// Who asks for an order to be called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The holder of the order token.
    Shopper,
    /// A member of the organisation.
    Staff,
}

/// What happened to an order, for the others to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// It was placed.
    Placed(Box<Order>),
    /// Catalog reserved everything.
    Confirmed {
        /// Which order.
        order: OrderId,
        /// Its total.
        total: Money,
    },
    /// Catalog refused.
    Rejected {
        /// Which order.
        order: OrderId,
        /// Why.
        reasons: Vec<Refusal>,
    },
    /// It was called off.
    Cancelled {
        /// Which order.
        order: OrderId,
        /// What called it off.
        cause: Cause,
    },
}

/// One transition: what goes into the history and out to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which order.
    pub order: OrderId,
    /// The order's version after it.
    pub version: i64,
    /// The status before.
    pub from: Status,
    /// The status after.
    pub to: Status,
    /// What happened.
    pub on: Trigger,
    /// What the others hear.
    pub event: OrderEvent,
}

/// The part of an order that transitions read and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// Its identity.
    pub(crate) id: OrderId,
    pub(crate) status: Status,
    pub(crate) facts: Facts,
    pub(crate) total: Money,
    pub(crate) version: i64,
    pub(crate) reasons: Option<Vec<Refusal>>,
    pub(crate) cause: Option<Cause>,
}

impl OrderState {
    /// Which order.
    #[must_use]
    pub fn id(&self) -> OrderId {
        self.id
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Takes catalog's answer. None: it is late or repeated and changes nothing.
    pub fn settle(&mut self, verdict: &Verdict) -> Option<Step> {
        let on = match verdict {
            Verdict::Reserved => Trigger::Reserved,
            Verdict::Refused(reasons) => return self.take(Trigger::Refused, Some(reasons), None),
            Verdict::ReservationLost => Trigger::ReservationLost,
        };
        self.take(on, None, Some(Cause::ReservationExpired))
    }

    /// Calls it off because its deadline has passed. None: it was settled in time, or time is left.
    pub fn expire(&mut self) -> Option<Step> {
        self.take(Trigger::DeadlinePassed, None, Some(Cause::Deadline))
    }

    /// Calls it off because somebody asks. None: it is called off already.
    ///
    /// # Errors
    /// [`NotCancellable`] when it has gone too far.
    pub fn cancel(&mut self, by: Actor) -> Result<Option<Step>, NotCancellable> {
        let (on, cause) = match by {
            Actor::Shopper => (Trigger::ShopperCancels, Cause::Shopper),
            Actor::Staff => (Trigger::StaffCancels, Cause::Staff),
        };
        if decide(self.status, on, &self.facts) == Effect::Refuse {
            return Err(NotCancellable { order: self.id, status: self.status });
        }
        Ok(self.take(on, None, Some(cause)))
    }

    fn take(&mut self, on: Trigger, reasons: Option<&[Refusal]>, cause: Option<Cause>) -> Option<Step> {
        let Effect::Move(to) = decide(self.status, on, &self.facts) else { return None };
        let (order, from) = (self.id, self.status);
        let event = match (to, cause) {
            (Status::Confirmed, _) => OrderEvent::Confirmed { order, total: self.total },
            (Status::Rejected, _) => OrderEvent::Rejected { order, reasons: reasons.unwrap_or_default().to_vec() },
            (Status::Cancelled, Some(cause)) => OrderEvent::Cancelled { order, cause },
            // No line of the table leads back to pending, and nothing but a cause calls an order off.
            (Status::Pending, _) | (Status::Cancelled, None) => return None,
        };
        self.status = to;
        self.version += 1;
        self.reasons = match &event {
            OrderEvent::Rejected { reasons, .. } => Some(reasons.clone()),
            _ => None,
        };
        self.cause = match event {
            OrderEvent::Cancelled { cause, .. } => Some(cause),
            _ => None,
        };
        Some(Step { order, version: self.version, from, to, on, event })
    }
}

/// Somebody asked to call off what cannot be called off any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order} is {} and cannot be cancelled any more", .status.as_str())]
pub struct NotCancellable {
    /// Which order.
    pub order: OrderId,
    /// Where it stands.
    pub status: Status,
}

#[cfg(test)]
mod tests {
    use kernel::Currency;
    use proptest::prelude::*;

    use super::*;

    fn pending() -> OrderState {
        OrderState {
            id: OrderId::new(),
            status: Status::Pending,
            facts: Facts { payment: PaymentStatus::Unpaid, fulfilment: FulfilmentStatus::Unfulfilled, overdue: true },
            total: Money::from_minor(4_200, Currency::parse("USD").unwrap()).unwrap(),
            version: 1,
            reasons: None,
            cause: None,
        }
    }

    #[test]
    fn a_late_answer_to_a_cancelled_order_changes_nothing() {
        let mut order = pending();
        assert_eq!(order.expire().unwrap().event, OrderEvent::Cancelled { order: order.id, cause: Cause::Deadline });
        let before = order.clone();
        assert_eq!(order.settle(&Verdict::Reserved), None);
        assert_eq!(order.settle(&Verdict::Refused(vec![Refusal::OrderCancelled])), None);
        assert_eq!(order.settle(&Verdict::ReservationLost), None);
        assert_eq!(order, before);
    }

    #[test]
    fn a_rejected_order_keeps_its_reasons_and_cannot_be_cancelled() {
        let mut order = pending();
        let reasons = vec![Refusal::UnknownSku { sku: Sku::parse("X").unwrap() }];
        let step = order.settle(&Verdict::Refused(reasons.clone())).unwrap();
        assert_eq!(step.event, OrderEvent::Rejected { order: order.id, reasons: reasons.clone() });
        assert_eq!((step.from, step.to, step.version), (Status::Pending, Status::Rejected, 2));
        assert_eq!(order.reasons, Some(reasons));
        assert_eq!(order.cancel(Actor::Shopper), Err(NotCancellable { order: order.id, status: Status::Rejected }));
    }

    #[test]
    fn cancelling_twice_succeeds_and_publishes_once() {
        let mut order = pending();
        assert!(order.settle(&Verdict::Reserved).is_some());
        assert_eq!(order.cancel(Actor::Staff).unwrap().unwrap().version, 3);
        assert_eq!(order.cancel(Actor::Staff), Ok(None));
        assert_eq!(order.cancel(Actor::Shopper), Ok(None));
        assert_eq!(order.cause, Some(Cause::Staff));
    }

    #[test]
    fn an_order_whose_deadline_has_not_come_is_not_expired() {
        let mut order = pending();
        order.facts.overdue = false;
        assert_eq!(order.expire(), None);
        assert_eq!(order.status, Status::Pending);
    }

    proptest! {
        /// Any sequence of answers, requests and sweeps: versions rise by one per event, and what is stored fits the status.
        #[test]
        fn versions_rise_by_one_with_every_event(happenings in prop::collection::vec(0..6_u8, 0..30)) {
            let (mut order, mut versions) = (pending(), vec![1]);
            for happening in happenings {
                let step = match happening {
                    0 => order.settle(&Verdict::Reserved),
                    1 => order.settle(&Verdict::Refused(vec![Refusal::OrderCancelled])),
                    2 => order.settle(&Verdict::ReservationLost),
                    3 => order.expire(),
                    4 => order.cancel(Actor::Shopper).unwrap_or(None),
                    _ => order.cancel(Actor::Staff).unwrap_or(None),
                };
                versions.extend(step.map(|step| step.version));
            }
            prop_assert_eq!(&versions, &(1..=order.version).collect::<Vec<_>>());
            prop_assert!(versions.len() <= 3);
            prop_assert_eq!(order.status == Status::Rejected, order.reasons.is_some());
            prop_assert_eq!(order.status == Status::Cancelled, order.cause.is_some());
        }
    }
}
