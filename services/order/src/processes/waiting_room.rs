//! Who waits in this process for an order to be settled. The rule: being woken is a shortcut and never the truth; a
//! waiter reads the order itself, and also polls it without being woken.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::order::OrderEvent;
use kernel::OrderId;
use tokio::{sync::Notify, time::Instant};

use crate::config::Polling;

type Waiting = HashMap<OrderId, Vec<Arc<Notify>>>;

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
        let bell = Arc::new(Notify::new());
        self.lock().entry(order).or_default().push(bell.clone());
        Waiter { room: self.clone(), order, bell }
    }

    /// Wakes whoever waits for the order that this committed event settles.
    pub fn notice(&self, event: &OrderEvent) {
        let order = match event {
            OrderEvent::Placed(_) => return,
            OrderEvent::Confirmed(confirmed) => confirmed.order,
            OrderEvent::Rejected(rejected) => rejected.order,
            OrderEvent::Cancelled(cancelled) => cancelled.order,
        };
        for bell in self.lock().get(&order).into_iter().flatten() {
            bell.notify_one();
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
    bell: Arc<Notify>,
}

impl Waiter {
    /// The order that it waits for.
    #[must_use]
    pub fn order(&self) -> OrderId {
        self.order
    }

    /// Polls until `poll` finds something, at most for the time `within` (then `None`): at once when it is woken,
    /// otherwise soon at first and then less often ([`Polling`]).
    ///
    /// # Errors
    /// Those of `poll`.
    pub async fn until<T, E>(
        &self,
        within: Duration,
        poll: impl AsyncFn() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let until = Instant::now() + within;
        let Polling { first, longest } = self.room.polling;
        let mut pause = first;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            pause = match tokio::time::timeout(pause.min(left), self.bell.notified()).await {
                Ok(()) => first,
                Err(_) => (pause * 2).min(longest),
            };
            if let Some(found) = poll().await? {
                return Ok(Some(found));
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.room.lock();
        if let Some(bells) = waiting.get_mut(&self.order) {
            bells.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
            if bells.is_empty() {
                waiting.remove(&self.order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Waker},
    };

    use contracts::order::{Cancelled, Cause};

    use super::*;

    fn woken(waiter: &Waiter) -> bool {
        pin!(waiter.bell.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn an_event_wakes_everybody_who_waits_for_its_order_and_nobody_else() {
        let room = WaitingRoom::new(Polling::default());
        let (mine, other) = (OrderId::new(), OrderId::new());
        let (waiter, twin, stranger) = (room.enter(mine), room.enter(mine), room.enter(other));
        assert!(!woken(&waiter));
        room.notice(&Cancelled { order: mine, cause: Cause::Staff }.into());
        assert!(woken(&waiter) && woken(&twin));
        assert!(!woken(&stranger));
    }

    #[test]
    fn nothing_is_kept_for_orders_that_nobody_waits_for() {
        let room = WaitingRoom::new(Polling::default());
        let order = OrderId::new();
        let (waiter, twin) = (room.enter(order), room.enter(order));
        drop(waiter);
        assert_eq!(room.lock().len(), 1);
        drop(twin);
        room.notice(&Cancelled { order, cause: Cause::Deadline }.into());
        assert!(room.lock().is_empty());
    }
}
