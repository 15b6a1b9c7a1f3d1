//! What can be asked: one file, one question and its one SELECT.

mod find_order;
mod find_overdue_orders;
mod find_own_order;
mod list_orders;
mod list_selling_organisations;
mod order_row;
mod read_clock;

pub use find_order::FindOrder;
pub use find_overdue_orders::{Due, FindOverdueOrders};
pub use find_own_order::FindOwnOrder;
pub use list_orders::{ListOrders, ListOwnOrders};
pub use list_selling_organisations::ListSellingOrganisations;
pub use read_clock::ReadClock;
