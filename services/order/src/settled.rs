//! Who waits in this process for an order to be settled. The rule: this is a shortcut and never the truth; a waiter that
//! is woken, or not, reads the order again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::OrderId;
use tokio::{sync::Notify, time::Instant};

/// The first look without a bell comes after this time, each further one after twice as long. Looking sooner would be in
/// the way of what is waited for: thirty waiters that look every ten milliseconds keep the database busy.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// No two looks are further apart.
const LAST_LOOK: Duration = Duration::from_millis(250);

/// The waiting rooms of this process. Cheap to clone; clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    rooms: Arc<Mutex<Rooms>>,
}

#[derive(Debug, Default)]
struct Rooms {
    waiting: HashMap<OrderId, Vec<Arc<Notify>>>,
    /// Orders that a running transaction settles; whoever waits for them is woken by the next commit.
    expected: Vec<OrderId>,
}

impl Settled {
    /// Notes orders that the running transaction settles.
    pub fn expect(&self, orders: impl IntoIterator<Item = OrderId>) {
        let mut rooms = self.lock();
        let Rooms { waiting, expected } = &mut *rooms;
        // Nobody else's order can be waited for here, so the list stays as short as the rooms are few.
        expected.extend(orders.into_iter().filter(|order| waiting.contains_key(order)));
    }

    /// Wakes whoever waits for what was noted. Called after a commit; a commit of another transaction that comes
    /// between makes a waiter look once too early, and it then looks again by itself.
    pub fn committed(&self) {
        let mut rooms = self.lock();
        for order in std::mem::take(&mut rooms.expected) {
            for waiter in rooms.waiting.get(&order).into_iter().flatten() {
                waiter.notify_one();
            }
        }
    }

    /// Takes a seat. Take it before reading the order, or its settling may be missed.
    #[must_use]
    pub fn seat(&self, order: OrderId) -> Seat {
        let bell = Arc::new(Notify::new());
        self.lock().waiting.entry(order).or_default().push(bell.clone());
        Seat { settled: self.clone(), order, bell }
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        // Every change under the lock is complete by itself, so a panic elsewhere leaves nothing half-done.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seat in the waiting room of one order; dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    settled: Settled,
    order: OrderId,
    bell: Arc<Notify>,
}

impl Seat {
    /// Which order it waits for.
    #[must_use]
    pub fn order(&self) -> OrderId {
        self.order
    }

    /// Looks until there is something to be found or the time is over (none).
    ///
    /// The bell makes it look at once; an order that another replica settles is found by looking again, soon at first
    /// and then less often.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn until<T, E>(
        &self,
        within: Duration,
        mut look: impl AsyncFnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let until = Instant::now() + within;
        let mut pause = FIRST_LOOK;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            pause = match tokio::time::timeout(pause.min(left), self.called()).await {
                Ok(()) => FIRST_LOOK,
                Err(_) => (pause * 2).min(LAST_LOOK),
            };
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
        }
    }

    async fn called(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rooms = self.settled.lock();
        if let Some(waiters) = rooms.waiting.get_mut(&self.order) {
            waiters.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
            if waiters.is_empty() {
                rooms.waiting.remove(&self.order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_of_tests::now_or_never;

    use super::*;

    mod futures_of_tests {
        use std::{
            future::Future,
            pin::pin,
            task::{Context, Poll, Waker},
        };

        pub(super) fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
            match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            }
        }
    }

    #[test]
    fn a_waiter_is_called_by_the_commit_and_not_before() {
        let settled = Settled::default();
        let (mine, other) = (OrderId::new(), OrderId::new());
        let (seat, twin, stranger) = (settled.seat(mine), settled.seat(mine), settled.seat(other));
        settled.expect([mine]);
        assert_eq!(now_or_never(seat.called()), None);
        settled.committed();
        assert_eq!(now_or_never(seat.called()), Some(()));
        assert_eq!(now_or_never(twin.called()), Some(()));
        assert_eq!(now_or_never(stranger.called()), None);
    }

    #[test]
    fn nothing_is_kept_for_orders_that_nobody_waits_for() {
        let settled = Settled::default();
        let order = OrderId::new();
        drop(settled.seat(order));
        settled.expect([order, OrderId::new()]);
        let rooms = settled.lock();
        assert!(rooms.waiting.is_empty() && rooms.expected.is_empty());
    }
}
