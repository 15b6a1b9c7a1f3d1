//! Work of several steps around commands and queries. Each process runs as a supervised part or task of the service.

pub mod availability;
pub mod expiry;
pub mod import;
pub mod invalidation;
pub mod prices;
