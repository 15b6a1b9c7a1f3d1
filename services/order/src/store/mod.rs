//! The SQL of the write side: insert, lock, save. The rule: rows never leave this folder.

pub mod additions;
pub mod answered;
pub mod arrivals;
pub mod contacts;
pub mod intake;
pub mod members;
pub mod orders;
pub mod parcels;
pub mod payments;
pub mod returns;
pub mod sellable;
