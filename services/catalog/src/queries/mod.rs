//! What can be asked of the catalog: one file per question.

pub mod availability_marks;
pub mod due_prices;
pub mod due_reservations;
pub mod explain_stock;
pub mod find_attribute;
pub mod find_price;
pub mod find_product;
pub mod find_stock;
pub mod list_attributes;
pub mod list_locations;
pub mod list_movements;
pub mod list_prices;
pub mod product_fields;
pub mod query_products;
pub mod query_variants;
pub mod shop_address;
pub mod shop_product;
pub mod stock_places;
pub mod stock_settings;
pub mod variant_fields;
pub mod views;
