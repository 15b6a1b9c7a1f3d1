//! The order as transitions see it. The rules: the version rises by one with every transition, and each transition is
//! one event.

use contracts::{catalog::Reason, order::Cause};
use kernel::{Money, OrderId, OrganisationId, Timestamp};

use super::{
    status::{Effect, Facts, Status, Trigger, decide},
    view::OrderView,
};

/// Catalog's answer about an order's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationOutcome {
    /// Every line is reserved.
    Reserved,
    /// Nothing is reserved, for these reasons.
    Rejected(Vec<Reason>),
    /// What was reserved no longer is.
    Lost,
}

/// Who asks for an order to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester {
    /// The holder of the order token.
    Shopper,
    /// A member of the organisation.
    Staff,
}

/// What happened to an order, for other services to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// It was placed.
    Placed(Box<OrderView>),
    /// Catalog reserved everything.
    Confirmed {
        /// The order.
        order: OrderId,
        /// Its total.
        total: Money,
    },
    /// Catalog rejected it.
    Rejected {
        /// The order.
        order: OrderId,
        /// Everything that stood against it.
        reasons: Vec<Reason>,
    },
    /// It was cancelled.
    Cancelled {
        /// The order.
        order: OrderId,
        /// Who or what cancelled it.
        cause: Cause,
    },
}

/// One transition: a row of history and an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// The order's version after the transition.
    pub version: i64,
    /// The status before.
    pub from: Status,
    /// The status after.
    pub to: Status,
    /// What triggered the transition.
    pub on: Trigger,
    /// What other services hear.
    pub event: OrderEvent,
}

/// The aggregate: what transitions read and change. [`OrderView`] is what clients see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub(crate) organisation: OrganisationId,
    pub(crate) id: OrderId,
    /// The time of the transaction that has locked it.
    pub(crate) now: Timestamp,
    pub(crate) status: Status,
    pub(crate) facts: Facts,
    pub(crate) total: Money,
    pub(crate) version: i64,
    pub(crate) reasons: Option<Vec<Reason>>,
    pub(crate) cause: Option<Cause>,
}

impl Order {
    /// Whose order it is, and which.
    #[must_use]
    pub fn key(&self) -> (OrganisationId, OrderId) {
        (self.organisation, self.id)
    }

    /// The order's status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Takes catalog's answer. `None` when it is late or repeated and changes nothing.
    pub fn settle(&mut self, outcome: &ReservationOutcome) -> Option<Step> {
        match outcome {
            ReservationOutcome::Reserved => self.take(Trigger::Reserved, &[]),
            ReservationOutcome::Rejected(reasons) => self.take(Trigger::Rejected, reasons),
            ReservationOutcome::Lost => self.take(Trigger::ReservationLost, &[]),
        }
    }

    /// Cancels the order because its deadline has passed. `None` when it was settled in time or the deadline is still
    /// to come.
    pub fn expire(&mut self) -> Option<Step> {
        self.take(Trigger::DeadlinePassed, &[])
    }

    /// Cancels the order because somebody asks. `None` when it is cancelled already.
    ///
    /// # Errors
    /// [`NotCancellable`] when it has gone too far.
    pub fn cancel(&mut self, requester: Requester) -> Result<Option<Step>, NotCancellable> {
        let on = match requester {
            Requester::Shopper => Trigger::ShopperCancels,
            Requester::Staff => Trigger::StaffCancels,
        };
        if decide(self.status, on, &self.facts) == Effect::Refuse {
            return Err(NotCancellable { order: self.id, status: self.status });
        }
        Ok(self.take(on, &[]))
    }

    fn take(&mut self, on: Trigger, reasons: &[Reason]) -> Option<Step> {
        let (order, from) = (self.id, self.status);
        let (to, event) = match decide(from, on, &self.facts) {
            Effect::Confirm => (Status::Confirmed, OrderEvent::Confirmed { order, total: self.total }),
            Effect::Reject => {
                self.reasons = Some(reasons.to_vec());
                (Status::Rejected, OrderEvent::Rejected { order, reasons: reasons.to_vec() })
            }
            Effect::Cancel(cause) => {
                self.cause = Some(cause);
                (Status::Cancelled, OrderEvent::Cancelled { order, cause })
            }
            Effect::Keep | Effect::Refuse => return None,
        };
        self.status = to;
        self.version += 1;
        Some(Step { organisation: self.organisation, order, at: self.now, version: self.version, from, to, on, event })
    }
}

/// Somebody asked to cancel an order that can no longer be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order} is {status} and cannot be cancelled any more")]
pub struct NotCancellable {
    /// The order.
    pub order: OrderId,
    /// Its status.
    pub status: Status,
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Sku};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{FulfilmentStatus, PaymentStatus};

    fn pending() -> Order {
        Order {
            organisation: OrganisationId::new(),
            now: kernel::Clock::now(),
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
        assert_eq!(order.settle(&ReservationOutcome::Reserved), None);
        assert_eq!(order.settle(&ReservationOutcome::Rejected(vec![Reason::OrderCancelled])), None);
        assert_eq!(order.settle(&ReservationOutcome::Lost), None);
        assert_eq!(order, before);
    }

    #[test]
    fn a_rejected_order_keeps_its_reasons_and_cannot_be_cancelled() {
        let mut order = pending();
        let reasons = vec![Reason::UnknownSku { sku: Sku::parse("X").unwrap() }];
        let step = order.settle(&ReservationOutcome::Rejected(reasons.clone())).unwrap();
        assert_eq!(step.event, OrderEvent::Rejected { order: order.id, reasons: reasons.clone() });
        assert_eq!((step.from, step.to, step.version), (Status::Pending, Status::Rejected, 2));
        assert_eq!(order.reasons, Some(reasons));
        assert_eq!(order.cancel(Requester::Shopper), Err(NotCancellable { order: order.id, status: Status::Rejected }));
    }

    #[test]
    fn cancelling_twice_succeeds_and_publishes_once() {
        let mut order = pending();
        assert!(order.settle(&ReservationOutcome::Reserved).is_some());
        assert_eq!(order.cancel(Requester::Staff).unwrap().unwrap().version, 3);
        assert_eq!(order.cancel(Requester::Staff), Ok(None));
        assert_eq!(order.cancel(Requester::Shopper), Ok(None));
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
        /// Any sequence of answers, requests and sweeps: versions rise by one per event, and what is stored fits the
        /// status.
        #[test]
        fn versions_rise_by_one_with_every_event(happenings in prop::collection::vec(0..6_u8, 0..30)) {
            let (mut order, mut versions) = (pending(), vec![1]);
            for happening in happenings {
                let step = match happening {
                    0 => order.settle(&ReservationOutcome::Reserved),
                    1 => order.settle(&ReservationOutcome::Rejected(vec![Reason::OrderCancelled])),
                    2 => order.settle(&ReservationOutcome::Lost),
                    3 => order.expire(),
                    4 => order.cancel(Requester::Shopper).unwrap_or(None),
                    _ => order.cancel(Requester::Staff).unwrap_or(None),
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
