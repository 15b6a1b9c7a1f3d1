//! One load per key at a time; the others wait for its answer.
//! The rule: a load that fails or is given up is nobody's answer: who waited for it loads for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

type Landing = watch::Sender<Option<Bytes>>;

/// The loads that are under way in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<String, Arc<Landing>>>>);

/// What a caller is to do.
pub(crate) enum Seat {
    /// Load, and land with the answer.
    Pilot(Flight),
    /// Somebody else loads.
    Passenger(watch::Receiver<Option<Bytes>>),
}

/// A load under way. Dropping it without landing wakes those who wait.
pub(crate) struct Flight {
    flights: Flights,
    key: String,
    landing: Arc<Landing>,
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Landing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn board(&self, key: &str) -> Seat {
        let mut under_way = self.lock();
        if let Some(landing) = under_way.get(key) {
            return Seat::Passenger(landing.subscribe());
        }
        let landing = Arc::new(watch::Sender::new(None));
        under_way.insert(key.to_owned(), landing.clone());
        Seat::Pilot(Flight { flights: self.clone(), key: key.to_owned(), landing })
    }

    /// Lets nobody board the loads of these keys any more: what they bring is out of date.
    pub(crate) fn close(&self, matches: impl Fn(&str) -> bool) {
        self.lock().retain(|key, _| !matches(key));
    }
}

impl Flight {
    /// Hands the answer to those who wait and to those who still come, until this is dropped.
    pub(crate) fn land(&self, answer: &Bytes) {
        self.landing.send_replace(Some(answer.clone()));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut under_way = self.flights.lock();
        // After `close` another load of the same key may be under way.
        if under_way.get(&self.key).is_some_and(|landing| Arc::ptr_eq(landing, &self.landing)) {
            under_way.remove(&self.key);
        }
    }
}

/// The answer of somebody else's load; `None` when it came to nothing.
pub(crate) async fn arrival(mut landing: watch::Receiver<Option<Bytes>>) -> Option<Bytes> {
    landing.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passengers_get_what_the_pilot_loaded() {
        let flights = Flights::default();
        let Seat::Pilot(pilot) = flights.board("k") else { panic!("the first one loads") };
        let Seat::Passenger(landing) = flights.board("k") else { panic!("the second one waits") };
        assert!(matches!(flights.board("other"), Seat::Pilot(_)));
        let waiting = tokio::spawn(arrival(landing));
        pilot.land(&Bytes::from_static(b"answer"));
        assert_eq!(waiting.await.unwrap(), Some(Bytes::from_static(b"answer")));
        let Seat::Passenger(late) = flights.board("k") else { panic!("the answer is still there") };
        assert_eq!(arrival(late).await, Some(Bytes::from_static(b"answer")));
        drop(pilot);
        assert!(matches!(flights.board("k"), Seat::Pilot(_)));
    }

    #[tokio::test]
    async fn a_load_that_was_given_up_wakes_those_who_wait() {
        let flights = Flights::default();
        let Seat::Pilot(pilot) = flights.board("k") else { panic!("the first one loads") };
        let Seat::Passenger(landing) = flights.board("k") else { panic!("the second one waits") };
        drop(pilot);
        assert_eq!(arrival(landing).await, None);
    }

    #[tokio::test]
    async fn nobody_boards_a_load_that_began_before_an_invalidation() {
        let flights = Flights::default();
        let Seat::Pilot(old) = flights.board("k") else { panic!("the first one loads") };
        flights.close(|key| key == "k");
        let Seat::Pilot(_new) = flights.board("k") else { panic!("a new load begins") };
        drop(old);
        assert!(matches!(flights.board("k"), Seat::Passenger(_)), "the old load took the new one away");
    }
}
