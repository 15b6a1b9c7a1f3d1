//! Category over HTTP and events, with its real database roles and topics.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod bulk;
mod categories;
mod counts;
mod documents;
mod events;
mod moves;
mod process;
mod retiring;
mod shop_addresses;
mod tree;
mod walls;
mod world;
