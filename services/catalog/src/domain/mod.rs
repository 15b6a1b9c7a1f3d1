//! What the catalog's words mean: products, stock levels and reservations. Pure; it depends on the kernel alone.

pub mod import;
pub mod product;
pub mod reservation;
pub mod stock;
pub mod wording;
