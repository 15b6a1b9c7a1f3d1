//! Who follows orders in this process, as a stream of what happens to them. The rule: being woken is a shortcut and never the
//! truth: what happened is read from the history, by a poll where nobody woke the follower. Between two polls a follower holds
//! no connection of the database.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::{Channel as _, order::OrderEvent};
use futures::{Stream, stream};
use kernel::{OrderId, OrganisationId};
use persistence::Committed;
use tokio::{sync::Notify, time::Instant};

use crate::{
    config::FollowLimits,
    domain::{Requester, Status, TimelineEntry},
    queries::TRANSITIONS_AT_ONCE,
};

/// As many streams of one order may be open to its shopper, and as many to staff.
const OF_ONE_ORDER: usize = 8;
/// One organisation has at most this share of the streams, so that nobody's shoppers take them all.
const SHARE_OF_ONE: usize = 4;

/// Whoever follows.
#[derive(Debug, Default)]
struct Following {
    orders: HashMap<OrderId, Vec<(Requester, Arc<Notify>)>>,
    organisations: HashMap<OrganisationId, usize>,
}

/// The followers of this process. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Followers {
    limits: FollowLimits,
    following: Arc<Mutex<Following>>,
}

impl Followers {
    /// Nobody yet.
    #[must_use]
    pub fn new(limits: FollowLimits) -> Self {
        Self { limits, following: Arc::default() }
    }

    /// Begins to follow an order of this organisation; `None` when as many do as may: in all, of the organisation, or of the order
    /// for whom it is. Do it before reading the order, or a change may be missed.
    #[must_use]
    pub fn enter(&self, organisation: OrganisationId, order: OrderId, whom: Requester) -> Option<Follower> {
        let mut following = self.lock();
        let all: usize = following.organisations.values().sum();
        let of_organisation = following.organisations.get(&organisation).copied().unwrap_or(0);
        let of_order = following.orders.get(&order).into_iter().flatten().filter(|(other, _)| *other == whom).count();
        let share = self.limits.most.div_ceil(SHARE_OF_ONE);
        if all >= self.limits.most || of_organisation >= share || of_order >= OF_ONE_ORDER {
            return None;
        }
        let woken = Arc::new(Notify::new());
        following.orders.entry(order).or_default().push((whom, Arc::clone(&woken)));
        *following.organisations.entry(organisation).or_default() += 1;
        let until = Instant::now() + self.limits.life;
        Some(Follower { all: self.clone(), organisation, order, woken, until })
    }

    /// Wakes whoever follows the order that this committed event is about.
    pub fn notice(&self, committed: &Committed<'_, OrderEvent>) {
        let following = self.lock();
        if following.orders.is_empty() {
            return;
        }
        let order = OrderId::from_uuid(committed.event.key());
        following.orders.get(&order).into_iter().flatten().for_each(|(_, woken)| woken.notify_one());
    }

    fn lock(&self) -> MutexGuard<'_, Following> {
        // Every change under the lock is complete by itself, so a panic elsewhere leaves nothing half-done.
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who follows one order; dropping it ends that.
#[derive(Debug)]
pub struct Follower {
    all: Followers,
    organisation: OrganisationId,
    order: OrderId,
    woken: Arc<Notify>,
    until: Instant,
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut following = self.all.lock();
        if let Some(of_order) = following.orders.get_mut(&self.order) {
            of_order.retain(|(_, woken)| !Arc::ptr_eq(woken, &self.woken));
            if of_order.is_empty() {
                following.orders.remove(&self.order);
            }
        }
        if let Some(of_organisation) = following.organisations.get_mut(&self.organisation) {
            *of_organisation -= 1;
            if *of_organisation == 0 {
                following.organisations.remove(&self.organisation);
            }
        }
    }
}

/// What is left to be said of an order.
struct Telling<F> {
    follower: Follower,
    fetch: F,
    /// The version that is known.
    known: i64,
    found: VecDeque<TimelineEntry>,
    pause: Duration,
    is_over: bool,
}

impl Follower {
    /// What happens to the order after the version `known`, oldest first, until nothing more is expected of it, until the time
    /// is over that a stream may live, or until `fetch` fails: whoever follows comes back then, and goes on where it ended.
    /// `fetch` lists at most [`TRANSITIONS_AT_ONCE`] entries after a version.
    pub fn tell<E: std::fmt::Display>(
        self,
        known: i64,
        fetch: impl AsyncFn(i64) -> Result<Vec<TimelineEntry>, E> + 'static,
    ) -> impl Stream<Item = TimelineEntry> + 'static {
        let pause = self.all.limits.polling.first;
        let telling = Telling { follower: self, fetch, known, found: VecDeque::new(), pause, is_over: false };
        stream::unfold(telling, async |mut telling| Some((telling.next().await?, telling)))
    }
}

impl<F> Telling<F> {
    async fn next<E: std::fmt::Display>(&mut self) -> Option<TimelineEntry>
    where
        F: AsyncFn(i64) -> Result<Vec<TimelineEntry>, E>,
    {
        let polling = self.follower.all.limits.polling;
        loop {
            if let Some(entry) = self.found.pop_front() {
                return Some(entry);
            }
            if self.is_over || Instant::now() >= self.follower.until {
                return None;
            }
            let found = match (self.fetch)(self.known).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(order = %self.follower.order, %error, "a stream ends, since the history cannot be read");
                    return None;
                }
            };
            if let Some(last) = found.last() {
                self.known = last.version;
                self.is_over = found.len() < TRANSITIONS_AT_ONCE && is_over(last.to);
                self.pause = polling.first;
                self.found = found.into();
                continue;
            }
            let next = self.follower.until.min(Instant::now() + self.pause);
            let woken = tokio::time::timeout_at(next, self.follower.woken.notified()).await.is_ok();
            self.pause = if woken { polling.first } else { (self.pause * 2).min(polling.longest) };
        }
    }
}

/// Whether nothing more is expected of an order that stands there. Money may still be given back, and a completed order may come
/// back after all; whoever wants to know reads the order again.
#[must_use]
pub fn is_over(status: Status) -> bool {
    matches!(status, Status::Rejected | Status::Cancelled | Status::Completed | Status::Returned)
}

#[cfg(test)]
mod tests {
    use contracts::order::{Cancelled, Cause};
    use futures::StreamExt as _;
    use kernel::Clock;

    use super::*;
    use crate::{config::Polling, domain::Details};

    const NEVER: Duration = Duration::from_secs(3_600);

    fn limits(most: usize) -> FollowLimits {
        FollowLimits { most, life: NEVER, polling: Polling { first: NEVER, longest: NEVER } }
    }

    fn entry(version: i64, to: Status) -> TimelineEntry {
        TimelineEntry {
            version,
            from: None,
            to,
            payment_status: None,
            fulfilment_status: None,
            event: None,
            cause: "staff".to_owned(),
            actor: "system:order".to_owned(),
            source_event: None,
            reason: None,
            details: Details::default(),
            occurred_at: Clock::now(),
        }
    }

    fn enter(followers: &Followers, order: OrderId) -> Option<Follower> {
        followers.enter(OrganisationId::new(), order, Requester::Staff)
    }

    #[test]
    fn no_more_follow_than_may_and_nothing_is_kept_of_those_who_left() {
        let followers = Followers::new(limits(OF_ONE_ORDER + 2));
        let order = OrderId::new();
        let mut of_order: Vec<_> = (0..OF_ONE_ORDER).map(|_| enter(&followers, order).unwrap()).collect();
        assert!(enter(&followers, order).is_none(), "too many of one order");
        let shopper = followers
            .enter(OrganisationId::new(), order, Requester::Shopper)
            .expect("staff takes no place of the shopper's");
        let other = enter(&followers, OrderId::new()).unwrap();
        assert!(enter(&followers, OrderId::new()).is_none(), "too many in all");
        of_order.pop();
        assert!(enter(&followers, order).is_some());
        drop((of_order, other, shopper));
        assert!(followers.lock().orders.is_empty() && followers.lock().organisations.is_empty());
    }

    #[test]
    fn one_organisation_has_a_quarter_of_the_streams() {
        let followers = Followers::new(limits(10));
        let (one, other) = (OrganisationId::new(), OrganisationId::new());
        let follow = |organisation| followers.enter(organisation, OrderId::new(), Requester::Shopper);
        let entered: Vec<_> = (0..3).map(|_| follow(one).unwrap()).collect();
        assert!(follow(one).is_none() && follow(other).is_some());
        drop(entered);
        assert!(follow(one).is_some());
    }

    #[tokio::test]
    async fn a_commit_wakes_the_follower_who_reads_the_history_and_ends_with_the_order() {
        let followers = Followers::new(limits(1));
        let order = OrderId::new();
        let history = Arc::new(Mutex::new(vec![entry(2, Status::Confirmed)]));
        let stored = Arc::clone(&history);
        let fetch = async move |after: i64| -> Result<Vec<TimelineEntry>, String> {
            Ok(stored.lock().unwrap().iter().filter(|entry| entry.version > after).cloned().collect())
        };
        let mut told = std::pin::pin!(enter(&followers, order).unwrap().tell(1, fetch));
        assert_eq!(told.next().await.unwrap().version, 2);
        let event = OrderEvent::from(Cancelled::new(order, Cause::Staff));
        let waking = async {
            tokio::task::yield_now().await;
            history.lock().unwrap().push(entry(3, Status::Cancelled));
            followers.notice(&Committed { organisation: None, at: Clock::now(), version: 3, event: &event });
        };
        let (woken, ()) = tokio::join!(told.next(), waking);
        assert_eq!(woken.unwrap().version, 3);
        assert!(told.next().await.is_none(), "the order is over");
    }

    #[tokio::test]
    async fn a_stream_has_an_end_also_when_nothing_happens() {
        let followers = Followers::new(FollowLimits { life: Duration::from_millis(1), ..limits(1) });
        let fetch = async |_: i64| -> Result<Vec<TimelineEntry>, String> { Ok(Vec::new()) };
        let mut told = std::pin::pin!(enter(&followers, OrderId::new()).unwrap().tell(1, fetch));
        assert!(told.next().await.is_none());
        let failing = async |_: i64| -> Result<Vec<TimelineEntry>, String> { Err("away".to_owned()) };
        let followers = Followers::new(limits(1));
        let mut told = std::pin::pin!(enter(&followers, OrderId::new()).unwrap().tell(1, failing));
        assert!(told.next().await.is_none());
    }
}
