//! The steps of the demo on the screen: a number, what it does, how long it took, what came of it.

use std::cell::Cell;
use std::future::Future;
use std::time::{Duration, Instant};

use devstack::Error;

use crate::words::say;

pub(super) struct Steps {
    begun: Instant,
    number: Cell<u32>,
}

impl Steps {
    pub(super) fn begin() -> Self {
        say!();
        Self { begun: Instant::now(), number: Cell::new(0) }
    }

    /// Runs a step; its name stands there before it ends, so that nobody wonders what is awaited.
    pub(super) async fn timed<T>(&self, name: &str, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.number.set(self.number.get() + 1);
        say!("{:>2}. {name}", self.number.get());
        let begun = Instant::now();
        let done = step.await?;
        self.note(&format!("took {}", length(begun.elapsed())));
        Ok(done)
    }

    /// What came of it.
    pub(super) fn note(&self, line: &str) {
        say!("      {line}");
    }

    /// Since the first step.
    pub(super) fn total(&self) -> String {
        length(self.begun.elapsed())
    }
}

/// A duration in the unit in which it is easily read.
pub(super) fn length(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
