#![doc = include_str!("../README.md")]
//!
//! One module per owning service, the envelope, and `catalogue` which lists everything; the rule: additive changes only.

pub mod auth;
pub mod catalog;
pub mod catalogue;
pub mod category;
mod channel;
mod envelope;
mod listing;
pub mod notifier;
pub mod order;
mod topic;

pub use channel::{Channel, Undecodable};
pub use envelope::{Envelope, header};
pub use topic::{Retention, Topic, topics};
