//! How many requests are under way. One too many is refused at once instead of being queued.
//!
//! The rule it keeps: a place is free again when the last byte of the answer is written, not when its head is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The places, shared by all workers.
#[derive(Debug, Clone)]
pub struct Places {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

impl Places {
    /// `limit` requests at once.
    #[must_use]
    pub fn new(limit: usize) -> Places {
        Places { taken: Arc::new(AtomicUsize::new(0)), limit }
    }

    /// A place, if one is free.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        // Made first: dropping it takes the count back, also when no place is free.
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.limit).then_some(place)
    }
}

/// One request under way.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_after_use_and_after_a_refusal() {
        let places = Places::new(1);
        let first = places.take();
        assert!(first.is_some());
        assert!(places.take().is_none() && places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
