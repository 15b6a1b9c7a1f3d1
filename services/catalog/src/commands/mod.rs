//! What can be done to the catalog: one file, one use case.

pub mod add_price;
pub mod adjust_levels;
pub mod adjust_stock;
pub mod apply_categories;
mod attribute_values;
pub mod change_product;
pub mod count_stock;
pub mod create_product;
pub mod delete_product;
pub mod end_price;
pub mod expire_reservations;
pub mod follow_orders;
pub mod import_products;
mod leaving_places;
pub mod manage_attributes;
pub mod manage_locations;
pub mod manage_views;
pub mod pass_prices;
pub mod publish_availability;
pub mod restore_product;
pub mod retire_product;
mod serve_orders;
mod shelves;
pub mod stock_settings;
pub mod transfer_stock;
pub mod upsert_products;
