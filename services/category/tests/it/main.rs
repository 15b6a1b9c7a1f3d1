//! Category over HTTP and events, with its real database roles and topics.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod categories;
mod documents;
mod events;
mod process;
mod tree;
mod walls;
mod world;
