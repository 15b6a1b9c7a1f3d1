#![doc = include_str!("../README.md")]

mod batch;
mod consumer;
mod dead_letter;
mod delivery;
mod lane;
mod letters;
pub mod operations;
mod parking;
mod producer;
mod producer_client;
mod reachability;
mod rebuild;
mod record;
mod relay;
mod replay;
mod settings;
mod snapshots;
mod state_producer;
mod subscription;
mod table;
mod topics;
mod unknown_events;

pub use consumer::{Consumer, ConsumerFailed, ConsumerState};
pub use dead_letter::header as dead_letter_header;
pub use delivery::{Delivered, Snapshot};
pub use producer::{Outgoing, Producer, SendFailure};
pub use reachability::Reachability;
pub use rebuild::{Rebuild, RebuildError, Rebuilt};
pub use record::Record;
pub use relay::{RELAY_ROUND, Relay, RelayFailed, RelayState, prune};
pub use replay::{ReplayError, Replayed, replay};
pub use settings::Settings;
pub use subscription::Subscriptions;
pub use table::{Entry, Table};
pub use topics::{TopicError, ensure_topics};

/// Why a Kafka client could not be made or a request to the broker failed.
pub use rdkafka::error::KafkaError;
