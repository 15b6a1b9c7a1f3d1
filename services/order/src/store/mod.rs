//! The SQL of the write side: insert, lock, save, and what the sweeps look for. Rows never leave this folder.

pub mod orders;
pub mod sellable;
pub mod sweeps;
