//! Auth over HTTP and events, with its real database roles and topics.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod api_keys;
mod customers;
mod documents;
mod logins;
mod members;
mod migration;
mod operators;
mod organisations;
mod passwords;
mod permissions;
mod process;
mod sessions;
mod signing_keys;
mod walls;
mod world;
