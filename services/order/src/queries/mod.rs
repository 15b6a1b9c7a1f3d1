//! What can be asked: one file, one question and its one SELECT.

mod find_order;
mod find_own_order;
mod list_orders;
mod order_row;

pub use find_order::FindOrder;
pub use find_own_order::FindOwnOrder;
pub use list_orders::ListOrders;
