//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod contact;
mod customers;
mod entry;
mod following;
mod imports;
mod orders;
mod problems;
mod queue;
mod shop;
mod steps;
mod waiting;

use rest::{Api, Routes};

use crate::{
    commands::{
        AddNote, ApproveReturn, CancelLines, CancelOrder, CancelOwnOrder, CancelOwnQueuedOrder, CancelQueuedOrder,
        ClaimOrder, CompleteOrder, DeclineCancellation, DeclineReturn, DeliverParcel, EditLines, EnterOrder,
        EraseBuyer, EraseOrder, HoldOrder, ImportOrder, ImportOrders, PackOrder, PlaceOrder, QueueEnteredOrder,
        QueueOrder, ReceiveReturn, RecordPayment, RecordRefund, ReleaseOrder, RequestCancellation,
        RequestOwnCancellation, RequestReturn, ShipOrder, WithdrawAddition,
    },
    queries::{
        DescribeBuyers, DescribeOrders, ExportBuyer, ExportOrder, FindBuyer, FindOrder, FindOwnOrder,
        FindOwnQueuedOrder, FindQueuedOrder, ListOwnOrders, ListOwnTransitions, ListTimeline, ListTransitions,
        QueryBuyers, QueryOrders,
    },
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
        .post("/store/v1/{organisation}/orders/queue", queue::place, |op| {
            op.summary("Queue an order, which is placed in its turn").sends::<QueueOrder>().problems(&problems::QUEUE)
        })
        .get("/store/v1/{organisation}/orders/queue/{order}", queue::find_own, |op| {
            op.summary("Read what became of a queued order with its order token, or as its customer")
                .asks::<FindOwnQueuedOrder>()
        })
        .post("/store/v1/{organisation}/orders/queue/{order}/cancel", queue::cancel_own, |op| {
            op.summary("Cancel a queued order before its turn, with its order token, or as its customer")
                .sends::<CancelOwnQueuedOrder>()
                .problems(&problems::CANCEL)
        })
        .get("/store/v1/{organisation}/orders/{order}", shop::find, |op| {
            op.summary("Read an order with its order token, or as its customer").asks::<FindOwnOrder>()
        })
        .get("/store/v1/{organisation}/orders/{order}/events", shop::follow, |op| {
            op.summary("Follow an order with its order token, or as its customer").asks::<ListOwnTransitions>()
        })
        .post("/store/v1/{organisation}/orders/{order}/claim", shop::claim, |op| {
            op.summary("Take a guest's order into the customer's account, with its order token").sends::<ClaimOrder>()
        })
        .post("/store/v1/{organisation}/orders/{order}/cancel", shop::cancel, |op| {
            op.summary("Cancel an order with its order token, or as its customer")
                .sends::<CancelOwnOrder>()
                .problems(&problems::CANCEL)
        })
        .post("/store/v1/{organisation}/orders/{order}/cancel-request", shop::request_cancellation, |op| {
            op.summary("Ask the seller to cancel an order, with its order token, or as its customer")
                .sends::<RequestOwnCancellation>()
                .problems(&problems::STEP)
        })
        .get("/admin/v1/orders", orders::list, |op| {
            op.summary("List orders, newest first").asks::<QueryOrders>().id("order.list-orders")
        })
        .post("/admin/v1/orders", entry::enter, |op| {
            op.summary("Write down an order for somebody").sends::<EnterOrder>().problems(&problems::ENTER)
        })
        .post("/admin/v1/orders/import", imports::one, |op| {
            op.summary("Import an order that was sold elsewhere").sends::<ImportOrder>().problems(&problems::IMPORT)
        })
        .post("/admin/v1/orders/import/bulk", imports::many, |op| {
            op.summary("Import many orders that were sold elsewhere, with a result for each").sends::<ImportOrders>()
        })
        .post("/admin/v1/orders/queue", queue::enter, |op| {
            op.summary("Queue an order for somebody, which is placed in its turn")
                .sends::<QueueEnteredOrder>()
                .problems(&problems::QUEUE_ENTERED)
        })
        .get("/admin/v1/orders/queue/{order}", queue::find, |op| {
            op.summary("Read what became of a queued order").asks::<FindQueuedOrder>()
        })
        .post("/admin/v1/orders/queue/{order}/cancel", queue::cancel, |op| {
            op.summary("Cancel a queued order before its turn").sends::<CancelQueuedOrder>().problems(&problems::CANCEL)
        })
        .post("/admin/v1/orders/query", orders::query, |op| op.summary("Query orders").asks::<QueryOrders>())
        .get("/admin/v1/orders/fields", orders::fields, |op| {
            op.summary("List what can be asked of orders").asks::<DescribeOrders>()
        })
        .get("/admin/v1/orders/{order}", orders::find, |op| op.summary("Read an order").asks::<FindOrder>())
        .get("/admin/v1/orders/{order}/events", following::for_staff, |op| {
            op.summary("Follow an order").asks::<ListTransitions>()
        })
        .post("/admin/v1/orders/{order}/cancel", orders::cancel, |op| {
            op.summary("Cancel an order of which nothing was sent").sends::<CancelOrder>().problems(&problems::CANCEL)
        })
        .post("/admin/v1/orders/{order}/cancel-lines", steps::cancel_lines, |op| {
            op.summary("Cancel pieces that were not sent").sends::<CancelLines>().problems(&problems::CANCEL)
        })
        .patch("/admin/v1/orders/{order}/lines", steps::edit_lines, |op| {
            op.summary("Take pieces off or add some before anything is packed")
                .sends::<EditLines>()
                .problems(&problems::EDIT)
        })
        .post("/admin/v1/orders/{order}/addition/withdraw", steps::withdraw_addition, |op| {
            op.summary("Withdraw what catalog was asked to add and has not answered")
                .sends::<WithdrawAddition>()
                .problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/cancel-request", steps::request_cancellation, |op| {
            op.summary("Note that somebody wants an order cancelled")
                .sends::<RequestCancellation>()
                .problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/cancel-decline", steps::decline_cancellation, |op| {
            op.summary("Decide not to cancel an order").sends::<DeclineCancellation>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/hold", steps::hold, |op| {
            op.summary("Hold an order back").sends::<HoldOrder>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/release", steps::release, |op| {
            op.summary("Let an order be fulfilled again").sends::<ReleaseOrder>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/pack", steps::pack, |op| {
            op.summary("Pack pieces of an order").sends::<PackOrder>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/ship", steps::ship, |op| {
            op.summary("Send a parcel of an order").sends::<ShipOrder>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/parcels/{parcel}/deliver", steps::deliver, |op| {
            op.summary("Say that a parcel has arrived").sends::<DeliverParcel>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/complete", steps::complete, |op| {
            op.summary("Say that nothing more is expected of an order")
                .sends::<CompleteOrder>()
                .problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/returns", steps::request_return, |op| {
            op.summary("Note that pieces are to come back").sends::<RequestReturn>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/returns/{return}/approve", steps::approve_return, |op| {
            op.summary("Approve a return").sends::<ApproveReturn>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/returns/{return}/decline", steps::decline_return, |op| {
            op.summary("Decline a return").sends::<DeclineReturn>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/returns/{return}/receive", steps::receive_return, |op| {
            op.summary("Take returned pieces in, and decide which can be sold again")
                .sends::<ReceiveReturn>()
                .problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/payments", steps::record_payment, |op| {
            op.summary("Record money that was received or promised").sends::<RecordPayment>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/refunds", steps::record_refund, |op| {
            op.summary("Record money that was given back").sends::<RecordRefund>().problems(&problems::STEP)
        })
        .post("/admin/v1/orders/{order}/notes", steps::add_note, |op| {
            op.summary("Write something down about an order").sends::<AddNote>().problems(&problems::STEP)
        })
        .get("/admin/v1/customers", customers::list, |op| {
            op.summary("List the people who ordered, whoever ordered last first")
                .asks::<QueryBuyers>()
                .id("order.list-customers")
        })
        .post("/admin/v1/customers/query", customers::query, |op| {
            op.summary("Query the people who ordered").asks::<QueryBuyers>()
        })
        .get("/admin/v1/customers/fields", customers::fields, |op| {
            op.summary("List what can be asked of the people who ordered").asks::<DescribeBuyers>()
        })
        .get("/admin/v1/customers/{customer}", customers::find, |op| {
            op.summary("Read somebody who ordered").asks::<FindBuyer>()
        })
        .get("/admin/v1/customers/{customer}/export", customers::export, |op| {
            op.summary("Read everything that is held on somebody who ordered").asks::<ExportBuyer>()
        })
        .post("/admin/v1/customers/{customer}/erase", customers::erase, |op| {
            op.summary("Forget somebody who ordered; their orders keep their figures").sends::<EraseBuyer>()
        })
        .get("/admin/v1/orders/{order}/export", orders::export, |op| {
            op.summary("Read everything that is held with an order").asks::<ExportOrder>()
        })
        .post("/admin/v1/orders/{order}/erase", orders::erase, |op| {
            op.summary("Forget who placed an order; it keeps its figures").sends::<EraseOrder>()
        })
        .get("/admin/v1/orders/{order}/timeline", steps::timeline, |op| {
            op.summary("List what happened to an order, newest first").asks::<ListTimeline>()
        })
        .finish()
}
