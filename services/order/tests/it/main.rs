//! The order service from outside: HTTP, events, and the database roles. One binary; every test has a scene of its own.

mod cancelling;
mod deadlines;
mod placing;
mod reading;
mod saga;
mod sellable;
mod walls;
mod world;
