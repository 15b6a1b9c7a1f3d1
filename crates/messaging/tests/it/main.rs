//! Messaging against a real PostgreSQL and a real Kafka: nothing lost, nothing twice, nothing out of order.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod consumers;
mod dead_letters;
mod evolution;
mod outage;
mod redrive;
mod relay;
mod scenery;
mod snapshots;
mod stopped;
mod topics;
