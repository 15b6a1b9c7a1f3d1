//! Waiting for something without sleeping for a fixed time.
//!
//! The rule it keeps: a test waits as long as it takes, up to a deadline, and says what it saw last.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(15);

/// What a look can find: `true`, `Some(value)` or `Ok(value)`.
pub trait Outcome {
    /// What is found.
    type Value;
    /// The value, or what was seen instead.
    ///
    /// # Errors
    /// When it is not there yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();
    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;
    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    type Value = T;
    fn outcome(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Looks until it is there and returns it.
///
/// # Panics
/// When it is not there at the deadline; the message holds what the last look saw.
#[track_caller]
pub fn eventually<O: Outcome>(deadline: Duration, mut look: impl AsyncFnMut() -> O) -> impl Future<Output = O::Value> {
    let asked_at = std::panic::Location::caller();
    async move {
        let until = Instant::now() + deadline;
        loop {
            match look().await.outcome() {
                Ok(value) => return value,
                Err(seen) if Instant::now() >= until => {
                    panic!("not within {deadline:?} (waited for at {asked_at}); the last look saw: {seen}")
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_looks_until_it_finds() {
        let mut looks = 0;
        let found = eventually(Duration::from_secs(5), async || {
            looks += 1;
            (looks == 3).then_some(looks)
        })
        .await;
        assert_eq!(found, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "the last look saw: \"no\"")]
    async fn it_gives_up_at_the_deadline_and_says_what_it_saw() {
        eventually(Duration::from_millis(30), async || Err::<(), _>("no")).await;
    }
}
