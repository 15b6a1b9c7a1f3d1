#![doc = include_str!("../README.md")]

mod books;
pub mod chat;
mod clerks;
mod haste;
pub mod invariants;
mod programs;
mod readers;
mod redelivery;
mod sharing;
mod shop;
mod shoppers;
mod spans;
mod store;

pub use clerks::{Clerks, Deeds};
pub use haste::Haste;
pub use readers::{Readers, Shown};
pub use redelivery::redeliver;
pub use sharing::{Held, alone, together};
pub use shop::{PASSWORD, Placed, Shop, order_of, usd};
pub use shoppers::{Accepted, Shoppers, Tally, repeat_all, within};
pub use spans::{Span, spans_of};
pub use store::{READERS, Servers, Store, Wishes};

use std::time::Duration;

use testkit::must;

/// As long as anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
