//! The timeline of an order, newest first.

use access::Permission;
use kernel::{Cursor, OrderId, Page, PageSize};
use mediator::{Query, Tenant};
use persistence::ReadConn;

use super::timeline_row;
use crate::{domain::TimelineEntry, error::Error};

/// Asks for a page of the timeline of an order.
#[derive(Debug, Clone)]
pub struct ListTimeline {
    /// The order.
    pub order: OrderId,
    /// Where the page begins; `None` for the newest entry.
    pub cursor: Option<Cursor>,
    /// How many entries the page has at most.
    pub limit: PageSize,
}

impl Query for ListTimeline {
    const NAME: &'static str = "order.list-timeline";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Page<TimelineEntry>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<TimelineEntry>, Error> {
        let list = read.list("timeline", &self.order).await?;
        let before: i64 = list.mark(self.cursor.as_ref())?.unwrap_or(i64::MAX);
        let entries = timeline_row::before(read, self.order, before, self.limit.rows()).await?;
        if entries.is_empty() && self.cursor.is_none() {
            return Err(Error::NotFound { order: self.order });
        }
        Ok(list.page(entries, self.limit, |last| last.version)?)
    }
}
