//! Auth over HTTP and events, with its real database roles and topics.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod documents;
mod logins;
mod organisations;
mod permissions;
mod process;
mod signing_keys;
mod walls;
mod world;
