//! The SQL of the notifier. Row structs never leave this folder.

pub mod budgets;
pub mod deliveries;
pub mod organisations;
