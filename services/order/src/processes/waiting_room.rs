//! Who waits in this process for an order to be settled. The rule: being told is a shortcut and never the truth; a
//! waiter who is not told polls the order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::order::OrderEvent;
use kernel::{OrderId, Timestamp};
use persistence::Committed;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    config::Polling,
    domain::{OrderView, Status},
};

type Waiting = HashMap<OrderId, Vec<oneshot::Sender<Transition>>>;

/// A committed transition of an order.
#[derive(Debug, Clone)]
struct Transition {
    event: OrderEvent,
    version: i64,
    at: Timestamp,
}

impl Transition {
    /// The order after this transition, where it is the one that follows what is known of the order.
    fn applied_to(self, pending: &OrderView) -> Option<OrderView> {
        if self.version != pending.version + 1 || pending.status != Status::Pending {
            return None;
        }
        let mut order = pending.clone();
        for line in &mut order.lines {
            let told =
                self.event.standing().and_then(|standing| standing.lines.iter().find(|told| told.sku == line.sku));
            line.pieces = told.map_or(line.pieces, |told| told.pieces);
        }
        match self.event {
            OrderEvent::Confirmed(_) => order.status = Status::Confirmed,
            OrderEvent::Rejected(rejected) => {
                order.status = Status::Rejected;
                order.reasons = rejected.reasons;
            }
            OrderEvent::Cancelled(cancelled) => {
                order.status = Status::Cancelled;
                order.cancel_cause = Some(cancelled.cause);
            }
            // None of the others settles an order.
            _ => return None,
        }
        order.version = self.version;
        order.settled_at = Some(self.at);
        order.updated_at = self.at;
        Some(order)
    }
}

/// The waiting room of this process. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct WaitingRoom {
    polling: Polling,
    waiting: Arc<Mutex<Waiting>>,
}

impl WaitingRoom {
    /// An empty waiting room.
    #[must_use]
    pub fn new(polling: Polling) -> Self {
        Self { polling, waiting: Arc::default() }
    }

    /// Begins to wait for an order. Do it before reading the order, or its settling may be missed.
    #[must_use]
    pub fn enter(&self, order: OrderId) -> Waiter {
        let (tell, told) = oneshot::channel();
        self.lock().entry(order).or_default().push(tell);
        Waiter { room: self.clone(), order, told }
    }

    /// Tells whoever waits for the order that this committed event settles.
    pub fn notice(&self, committed: &Committed<'_, OrderEvent>) {
        let order = match committed.event {
            OrderEvent::Confirmed(confirmed) => confirmed.order,
            OrderEvent::Rejected(rejected) => rejected.order,
            OrderEvent::Cancelled(cancelled) => cancelled.order,
            // What happens before and after is nothing that anybody waits for.
            _ => return,
        };
        for waiter in self.lock().remove(&order).into_iter().flatten() {
            let (event, version, at) = (committed.event.clone(), committed.version, committed.at);
            // A waiter that has just gone away is told nothing.
            let _ = waiter.send(Transition { event, version, at });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change under the lock is complete by itself, so a panic elsewhere leaves nothing half-done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for one order; dropping it ends the waiting.
#[derive(Debug)]
pub struct Waiter {
    room: WaitingRoom,
    order: OrderId,
    told: oneshot::Receiver<Transition>,
}

impl Waiter {
    /// The order that it waits for.
    #[must_use]
    pub fn order(&self) -> OrderId {
        self.order
    }

    /// Waits until the order is settled, at most for the time `within` (then `None`): at once when it is told, otherwise as
    /// soon as a poll finds it, soon at first and then less often ([`Polling`]). `pending` is the order as it was placed.
    ///
    /// # Errors
    /// Those of `poll`.
    pub async fn until<E>(
        mut self,
        within: Duration,
        pending: &OrderView,
        poll: impl AsyncFn() -> Result<Option<OrderView>, E>,
    ) -> Result<Option<OrderView>, E> {
        let until = Instant::now() + within;
        let Polling { first, longest } = self.room.polling;
        let mut pause = first;
        let mut is_told = false;
        while Instant::now() < until {
            let next = until.min(Instant::now() + pause);
            pause = (pause * 2).min(longest);
            if is_told {
                tokio::time::sleep_until(next).await;
            } else if let Ok(told) = timeout_at(next, &mut self.told).await {
                is_told = true;
                if let Some(order) = told.ok().and_then(|transition| transition.applied_to(pending)) {
                    return Ok(Some(order));
                }
            }
            if let Some(found) = poll().await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.told.close();
        let mut waiting = self.room.lock();
        if let Some(waiters) = waiting.get_mut(&self.order) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                waiting.remove(&self.order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::order::{Cancelled, Cause, Confirmed};
    use kernel::{ChannelCode, Clock, Currency, Money};

    use super::*;
    use crate::domain::{ContactDetails, FulfilmentStatus, PaymentStatus, Source};

    fn pending(id: OrderId) -> OrderView {
        let total = Money::from_minor(990, Currency::parse("USD").unwrap()).unwrap();
        let placed_at = Clock::now();
        OrderView {
            id,
            number: Some(1_001),
            status: Status::Pending,
            payment_status: PaymentStatus::Unpaid,
            fulfilment_status: FulfilmentStatus::Unfulfilled,
            lines: Vec::new(),
            total,
            source: Source::Shop,
            channel: ChannelCode::shop(),
            sold_elsewhere: None,
            oversold: false,
            parcels: Vec::new(),
            returns: Vec::new(),
            reference: None,
            contact_details: ContactDetails::default(),
            reasons: Vec::new(),
            cancel_cause: None,
            version: 1,
            placed_at,
            deadline_at: placed_at,
            settled_at: None,
            updated_at: placed_at,
        }
    }

    fn cancelled(order: OrderId, cause: Cause) -> OrderEvent {
        Cancelled::new(order, cause).into()
    }

    fn committed(event: &OrderEvent, version: i64) -> Committed<'_, OrderEvent> {
        Committed { organisation: None, at: Clock::now(), version, event }
    }

    #[test]
    fn an_event_is_told_to_everybody_who_waits_for_its_order_and_to_nobody_else() {
        let room = WaitingRoom::new(Polling::default());
        let (mine, other) = (OrderId::new(), OrderId::new());
        let (mut waiter, mut twin, mut stranger) = (room.enter(mine), room.enter(mine), room.enter(other));
        assert!(waiter.told.try_recv().is_err());
        room.notice(&committed(&cancelled(mine, Cause::Staff), 2));
        assert!(waiter.told.try_recv().is_ok() && twin.told.try_recv().is_ok());
        assert!(stranger.told.try_recv().is_err());
    }

    #[test]
    fn nothing_is_kept_for_orders_that_nobody_waits_for() {
        let room = WaitingRoom::new(Polling::default());
        let order = OrderId::new();
        let (waiter, twin) = (room.enter(order), room.enter(order));
        drop(waiter);
        assert_eq!(room.lock().len(), 1);
        drop(twin);
        room.notice(&committed(&cancelled(order, Cause::Deadline), 2));
        assert!(room.lock().is_empty());
    }

    #[tokio::test]
    async fn what_is_told_is_the_order_after_its_first_transition_and_anything_else_is_polled() {
        let room = WaitingRoom::new(Polling::default());
        let order = pending(OrderId::new());
        let confirmed = OrderEvent::from(Confirmed::new(order.id, order.total));
        let told = committed(&confirmed, 2);
        let waiter = room.enter(order.id);
        room.notice(&told);
        let never = async || -> Result<Option<OrderView>, ()> { panic!("polled although it was told") };
        let found = waiter.until(Duration::from_secs(5), &order, never).await.unwrap().unwrap();
        assert_eq!((found.status, found.version), (Status::Confirmed, 2));
        assert_eq!((found.settled_at, found.updated_at), (Some(told.at), told.at));

        // Not the transition that follows: the order was settled before, and when is not known here.
        let waiter = room.enter(order.id);
        room.notice(&committed(&cancelled(order.id, Cause::Staff), 3));
        let polled = async || -> Result<Option<OrderView>, ()> { Ok(Some(OrderView { version: 3, ..order.clone() })) };
        let found = waiter.until(Duration::from_secs(5), &order, polled).await.unwrap().unwrap();
        assert_eq!(found.version, 3);
    }
}
