//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod orders;
mod problems;
mod shop;
mod waiting;

use rest::{Api, Routes};

use crate::{
    commands::{CancelOrder, CancelOwnOrder, ClaimOrder, PlaceOrder},
    queries::{DescribeOrders, FindOrder, FindOwnOrder, ListOwnOrders, QueryOrders},
};

pub use shop::Shop;

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    Api::new("order", "Orders: placed by shoppers, confirmed or rejected by what is in stock")
        .problems(&problems::ALL)
        .post("/store/v1/{organisation}/orders", shop::place, |op| {
            op.summary("Place an order").sends::<PlaceOrder>().problems(&problems::PLACE)
        })
        .get("/store/v1/{organisation}/orders", shop::list, |op| {
            op.summary("List one's own orders as a customer, newest first").asks::<ListOwnOrders>()
        })
        .get("/store/v1/{organisation}/orders/{order}", shop::find, |op| {
            op.summary("Read an order with its order token, or as its customer").asks::<FindOwnOrder>()
        })
        .post("/store/v1/{organisation}/orders/{order}/claim", shop::claim, |op| {
            op.summary("Take a guest's order into the customer's account, with its order token").sends::<ClaimOrder>()
        })
        .post("/store/v1/{organisation}/orders/{order}/cancel", shop::cancel, |op| {
            op.summary("Cancel an order with its order token, or as its customer")
                .sends::<CancelOwnOrder>()
                .problems(&problems::CANCEL)
        })
        .get("/admin/v1/orders", orders::list, |op| {
            op.summary("List orders, newest first").asks::<QueryOrders>().id("order.list-orders")
        })
        .post("/admin/v1/orders/query", orders::query, |op| op.summary("Query orders").asks::<QueryOrders>())
        .get("/admin/v1/orders/fields", orders::fields, |op| {
            op.summary("List what can be asked of orders").asks::<DescribeOrders>()
        })
        .get("/admin/v1/orders/{order}", orders::find, |op| op.summary("Read an order").asks::<FindOrder>())
        .post("/admin/v1/orders/{order}/cancel", orders::cancel, |op| {
            op.summary("Cancel an order").sends::<CancelOrder>().problems(&problems::CANCEL)
        })
        .finish()
}
