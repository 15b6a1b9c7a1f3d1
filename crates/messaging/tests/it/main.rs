//! Messaging against a real PostgreSQL and a real Kafka: nothing lost, nothing twice, nothing out of order.

mod consumers;
mod dead_letters;
mod relay;
mod scenery;
