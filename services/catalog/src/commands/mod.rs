//! What can be done to the catalog: one file, one use case.

pub mod adjust_stock;
pub mod apply_categories;
pub mod change_product;
pub mod create_product;
pub mod expire_reservations;
pub mod follow_orders;
pub mod import_products;
pub mod restore_product;
pub mod retire_product;
