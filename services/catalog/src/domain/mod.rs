//! The catalog's rules: products, stock levels and reservations.
//! The rule: pure. Where a published value has the same meaning, it is the contract's own type.

pub mod category;
pub mod import;
pub mod product;
pub mod reservation;
pub mod stock;
pub mod wording;
