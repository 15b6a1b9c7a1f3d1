//! The catalog from outside: HTTP, events, and the database roles. One binary; every test has a scene of its own.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod addresses;
mod attributes;
mod availability;
mod bulk;
mod categories;
mod contested;
mod deletion;
mod details;
mod documents;
mod imports;
mod locations;
mod migration;
mod orders;
mod prices;
mod process;
mod products;
mod queries;
mod shop;
mod shop_addresses;
mod slugs;
mod stock;
mod storm;
mod strangers;
mod views;
mod walls;
mod whole_rows;
mod world;
