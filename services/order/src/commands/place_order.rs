//! Places an order: prices from this service's own copy of the catalog, one transaction, pending until catalog answers.

use access::Permission;
use kernel::OrderId;
use mediator::{Command, Tenant};
use persistence::Tx;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Draft, FulfilmentStatus, OrderEvent, OrderToken, OrderView, PaymentStatus, Reference, Status},
    error::Error,
    published,
    store::{
        orders::{self, NewOrder},
        sellable,
    },
};

/// Places an order.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// The identity that the order will have.
    pub order: OrderId,
    /// The token that its holder will have.
    pub token: OrderToken,
    /// What the shopper wants.
    pub draft: Draft,
    /// The shopper's reference.
    pub reference: Option<Reference>,
    /// Seconds until it is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
}

/// The order as it is, and the token that lets its holder read and cancel it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The order.
    #[serde(flatten)]
    pub order: OrderView,
    /// Send it as `Order-Token` to read or cancel this order. It is shown here and nowhere else.
    pub order_token: String,
}

impl Command for PlaceOrder {
    const NAME: &'static str = "order.place-order";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = Receipt;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Receipt, Error> {
        let offers = sellable::offers(tx, self.draft.skus()).await?;
        let (lines, total) = self.draft.price(&offers)?;
        let new = NewOrder {
            id: self.order,
            lines: &lines,
            total,
            reference: self.reference.as_ref(),
            token: &self.token.digest(),
            deadline_seconds: f64::from(self.deadline_seconds),
        };
        let times = orders::insert(tx, &new).await?;
        let order = OrderView {
            id: self.order,
            status: Status::Pending,
            payment_status: PaymentStatus::Unpaid,
            fulfilment_status: FulfilmentStatus::Unfulfilled,
            lines,
            total,
            reference: self.reference.clone(),
            reasons: Vec::new(),
            cancel_cause: None,
            version: 1,
            placed_at: times.placed_at,
            deadline_at: times.deadline_at,
            settled_at: None,
            updated_at: times.placed_at,
        };
        tx.record(order.version, published::event(OrderEvent::Placed(Box::new(order.clone()))));
        Ok(Receipt { order, order_token: self.token.reveal().to_owned() })
    }
}
