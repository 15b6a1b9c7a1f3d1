//! What can be asked: one file, one question and its one SELECT.

mod buyer_fields;
mod export_buyer;
mod find_buyer;
mod find_order;
mod find_overdue_orders;
mod find_own_order;
mod find_queued_order;
mod list_own_orders;
mod list_selling_organisations;
mod list_timeline;
mod list_transitions;
mod measure_intake;
mod order_fields;
mod order_row;
mod query_buyers;
mod query_orders;
mod read_clock;
mod timeline_row;

pub use buyer_fields::Buyers;
pub use export_buyer::ExportBuyer;
pub use find_buyer::{FindBuyer, FindErased};
pub use find_order::FindOrder;
pub use find_overdue_orders::{Due, FindOverdueOrders};
pub use find_own_order::FindOwnOrder;
pub use find_queued_order::{FindOwnQueuedOrder, FindQueuedOrder};
pub use list_own_orders::ListOwnOrders;
pub use list_selling_organisations::ListSellingOrganisations;
pub use list_timeline::ListTimeline;
pub use list_transitions::{ListOwnTransitions, ListTransitions, TRANSITIONS_AT_ONCE};
pub use measure_intake::{MeasureIntake, Queue};
pub use order_fields::Orders;
pub use query_buyers::{DescribeBuyers, QueryBuyers};
pub use query_orders::{DescribeOrders, QueryOrders};
pub use read_clock::ReadClock;
