//! Category over HTTP and events, with its real database roles and topics.

mod categories;
mod documents;
mod events;
mod walls;
mod world;
