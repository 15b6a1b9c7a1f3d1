//! The steps of the demo on the screen: number, name, duration and results.

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

    /// Runs a step; prints its name before, and its duration after.
    pub(super) async fn timed<T>(&self, name: &str, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.number.set(self.number.get() + 1);
        say!("{:>2}. {name}", self.number.get());
        let begun = Instant::now();
        let done = step.await?;
        self.note(&format!("took {}", length(begun.elapsed())));
        Ok(done)
    }

    /// Prints a result of the current step.
    pub(super) fn note(&self, line: &str) {
        say!("      {line}");
    }

    /// The time since the first step began.
    pub(super) fn total(&self) -> String {
        length(self.begun.elapsed())
    }
}

/// A duration in milliseconds or seconds, whichever is easier to read.
pub(super) fn length(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
