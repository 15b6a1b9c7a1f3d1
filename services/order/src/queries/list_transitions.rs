//! What happened to an order after a version, oldest first, for whoever follows it. To those whose it is not it does not exist.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{CustomerId, OrderId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use uuid::Uuid;

use super::timeline_row;
use crate::{
    domain::{Ownership, TimelineEntry, TokenDigest},
    error::Error,
    schema::orders,
};

/// The most entries that one answer has; whoever gets as many asks again.
pub const TRANSITIONS_AT_ONCE: usize = 100;

/// Asks what happened to an order after a version, as staff.
#[derive(Debug, Clone, Copy)]
pub struct ListTransitions {
    /// The order.
    pub order: OrderId,
    /// The version that is known.
    pub after: i64,
}

/// Asks the same as the shopper who placed it.
#[derive(Debug, Clone)]
pub struct ListOwnTransitions {
    /// The order.
    pub order: OrderId,
    /// The version that is known.
    pub after: i64,
    /// What proves that it is the shopper's own.
    pub proof: Ownership,
}

impl Query for ListTransitions {
    const NAME: &'static str = "order.list-transitions";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Vec<TimelineEntry>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<TimelineEntry>, Error> {
        timeline_row::after(read, self.order, self.after, TRANSITIONS_AT_ONCE as i64).await
    }
}

impl Query for ListOwnTransitions {
    const NAME: &'static str = "order.list-own-transitions";
    const REQUIRES: Permission = Permission::StoreOrder;
    type Tenancy = Tenant;
    type Reply = Vec<TimelineEntry>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<TimelineEntry>, Error> {
        let stored: Option<(Vec<u8>, Option<Uuid>)> = orders::table
            .filter(orders::org_id.eq(read.organisation().uuid()))
            .filter(orders::id.eq(self.order.uuid()))
            .select((orders::token_digest, orders::customer_id))
            .get_result(read.connection())
            .await
            .optional()?;
        let holds = stored.is_some_and(|(digest, customer)| {
            self.proof.holds(&TokenDigest::stored(digest), customer.map(CustomerId::from_uuid))
        });
        if !holds {
            return Err(Error::NotFound { order: self.order });
        }
        timeline_row::after(read, self.order, self.after, TRANSITIONS_AT_ONCE as i64).await
    }
}
