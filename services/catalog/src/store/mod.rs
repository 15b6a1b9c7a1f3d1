//! The write side's SQL. Row structs never leave this folder.
//!
//! The order of locks is the same for every command, so that no two of them wait for each other in a circle:
//! existing product rows by id → new slugs in byte order → new SKUs in byte order → reservations by order id →
//! existing stock rows by SKU in byte order → new stock rows by SKU → marks of SKUs.
//! Levels of locations are read and written under the lock of their SKU's stock row.

pub(crate) mod attributes;
pub(crate) mod availability;
pub(crate) mod categories;
pub(crate) mod locations;
pub(crate) mod prices;
pub(crate) mod products;
pub(crate) mod reservations;
pub(crate) mod serving;
pub(crate) mod stock;
pub(crate) mod views;
