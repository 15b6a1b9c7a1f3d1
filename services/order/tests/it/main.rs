//! The order service from outside: HTTP, events, and the database roles. One binary; every test has a scene of its own.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod adding;
mod asked_steps;
mod cancelling;
mod channels;
mod customers;
mod deadlines;
mod documents;
mod entering;
mod following;
mod importing;
mod life;
mod migration;
mod outage;
mod people;
mod placing;
mod process;
mod providers;
mod queries;
mod queueing;
mod reading;
mod replay;
mod saga;
mod sellable;
mod unpaid;
mod walls;
mod world;
