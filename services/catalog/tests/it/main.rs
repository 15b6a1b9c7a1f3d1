//! The catalog from outside: HTTP, events, and the database roles. One binary; every test has a scene of its own.

mod documents;
mod imports;
mod listing;
mod orders;
mod products;
mod shop;
mod stock;
mod walls;
mod world;
