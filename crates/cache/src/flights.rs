//! Single flight: one load per key at a time, the others wait for its answer.
//! The rule: a load that fails or is given up has no answer for anybody; the callers that waited load by themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

type Answer = watch::Sender<Option<Bytes>>;

/// The loads that are under way in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<String, Arc<Answer>>>>);

/// What a caller has to do for its answer.
pub(crate) enum Joined {
    /// Load it, and share it through the flight.
    Leader(Flight),
    /// Wait for the load of another caller.
    Follower(watch::Receiver<Option<Bytes>>),
}

/// A load under way. Dropping it wakes the followers, with or without an answer.
pub(crate) struct Flight {
    flights: Flights,
    key: String,
    answer: Arc<Answer>,
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Answer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the load of the key that is under way, or begins one.
    pub(crate) fn join(&self, key: &str) -> Joined {
        let mut under_way = self.lock();
        if let Some(answer) = under_way.get(key) {
            return Joined::Follower(answer.subscribe());
        }
        let answer = Arc::new(watch::Sender::new(None));
        under_way.insert(key.to_owned(), answer.clone());
        Joined::Leader(Flight { flights: self.clone(), key: key.to_owned(), answer })
    }

    /// Lets no further caller join the loads of these keys: their answers are out of date.
    pub(crate) fn close(&self, matches: impl Fn(&str) -> bool) {
        self.lock().retain(|key, _| !matches(key));
    }
}

impl Flight {
    /// Shares the answer with those who wait and those who still join, until the flight is dropped.
    pub(crate) fn share(&self, answer: &Bytes) {
        self.answer.send_replace(Some(answer.clone()));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut under_way = self.flights.lock();
        // After `close` another load of the same key may be under way.
        if under_way.get(&self.key).is_some_and(|answer| Arc::ptr_eq(answer, &self.answer)) {
            under_way.remove(&self.key);
        }
    }
}

/// The answer of the load that a follower joined; `None` when the load failed or was given up.
pub(crate) async fn answer(mut shared: watch::Receiver<Option<Bytes>>) -> Option<Bytes> {
    shared.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
}

/// Waits until the load is over, whatever became of it.
pub(crate) async fn ended(mut shared: watch::Receiver<Option<Bytes>>) {
    while shared.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn followers_get_what_the_leader_loaded() {
        let flights = Flights::default();
        let Joined::Leader(leader) = flights.join("k") else { panic!("the first one loads") };
        let Joined::Follower(shared) = flights.join("k") else { panic!("the second one waits") };
        assert!(matches!(flights.join("other"), Joined::Leader(_)));
        let waiting = tokio::spawn(answer(shared));
        leader.share(&Bytes::from_static(b"answer"));
        assert_eq!(waiting.await.unwrap(), Some(Bytes::from_static(b"answer")));
        let Joined::Follower(late) = flights.join("k") else { panic!("the answer is still there") };
        assert_eq!(answer(late).await, Some(Bytes::from_static(b"answer")));
        drop(leader);
        assert!(matches!(flights.join("k"), Joined::Leader(_)));
    }

    #[tokio::test]
    async fn a_load_that_was_given_up_wakes_its_followers() {
        let flights = Flights::default();
        let Joined::Leader(leader) = flights.join("k") else { panic!("the first one loads") };
        let Joined::Follower(shared) = flights.join("k") else { panic!("the second one waits") };
        drop(leader);
        assert_eq!(answer(shared).await, None);
    }

    #[tokio::test]
    async fn nobody_joins_a_load_that_began_before_an_invalidation() {
        let flights = Flights::default();
        let Joined::Leader(old) = flights.join("k") else { panic!("the first one loads") };
        flights.close(|key| key == "k");
        let Joined::Leader(_new) = flights.join("k") else { panic!("a new load begins") };
        drop(old);
        assert!(matches!(flights.join("k"), Joined::Follower(_)), "the old load took the new one away");
    }
}
