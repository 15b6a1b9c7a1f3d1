#![doc = include_str!("../README.md")]

pub mod invariants;
mod programs;
mod redelivery;
mod sharing;
mod shop;
mod shoppers;
mod spans;
mod store;

pub use redelivery::redeliver;
pub use sharing::{Shared, Sole, alone, together};
pub use shop::{Placed, Shop, order_of, usd};
pub use shoppers::{Accepted, Shoppers, Tally, distinct, repeat_all, within};
pub use spans::{Span, spans_of};
pub use store::{READERS, Store, Wishes};

use std::time::Duration;

/// As long as anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Stops the test with what was being done and why it did not work: set-up has no caller who could repair it.
#[track_caller]
pub(crate) fn must<T, E: std::fmt::Display>(outcome: Result<T, E>, doing: &str) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("cannot {doing}: {error}"),
    }
}
