//! The gateway over real sockets, in front of fake services.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod access;
mod api_keys;
mod bodies;
mod configuration;
mod documents;
mod fake;
mod hygiene;
mod limits;
mod passing_on;
mod replicas;
mod stage;
