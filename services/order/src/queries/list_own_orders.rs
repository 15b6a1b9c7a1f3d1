//! A customer's own orders, newest first. The rule: the SELECT reads an index in its order and no more rows than a page has.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Cursor, CustomerId, Malformed, Money, OrderId, Page, PageSize, Timestamp, parse_name};
use mediator::{Query, Tenant};
use persistence::{ReadConn, limited};
use uuid::Uuid;

use super::order_row::cancel_cause;
use crate::{
    domain::{Reference, Status, Summary},
    error::Error,
    schema::{order_history, orders},
};

/// Asks for a page of a customer's own orders.
#[derive(Debug, Clone)]
pub struct ListOwnOrders {
    /// The customer.
    pub customer: CustomerId,
    /// Where the page begins; `None` for the newest order.
    pub cursor: Option<Cursor>,
    /// How many orders the page has at most.
    pub limit: PageSize,
}

impl Query for ListOwnOrders {
    const NAME: &'static str = "order.list-own-orders";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Tenant;
    type Reply = Page<Summary>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<Summary>, Error> {
        let list = read.list("own orders", &self.customer).await?;
        let last: Option<OrderId> = list.mark(self.cursor.as_ref())?;
        // Ids begin with the time of placing. No id sorts after the largest one, so the first page begins there.
        let before = last.map_or(Uuid::max(), |order: OrderId| order.uuid());
        let page = orders::table
            .filter(orders::org_id.eq(read.organisation().uuid()))
            .filter(orders::customer_id.eq(self.customer.uuid()))
            .filter(orders::id.lt(before))
            .order(orders::id.desc())
            .select((
                SummaryRow::as_select(),
                order_history::table
                    .filter(order_history::org_id.eq(orders::org_id))
                    .filter(order_history::order_id.eq(orders::id))
                    .filter(order_history::to_status.eq(<&str>::from(Status::Cancelled)))
                    .order(order_history::version)
                    .limit(1)
                    .select(order_history::cause)
                    .single_value(),
            ));
        let rows: Vec<(SummaryRow, Option<String>)> = limited(page, self.limit).load(read.connection()).await?;
        let summaries = rows.into_iter().map(|(row, cause)| row.summary(cause)).collect::<Result<Vec<_>, _>>()?;
        Ok(list.page(summaries, self.limit, |last| last.id)?)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders, check_for_backend(diesel::pg::Pg))]
struct SummaryRow {
    id: Uuid,
    number: Option<i64>,
    status: String,
    payment_status: String,
    fulfilment_status: String,
    total_minor: i64,
    currency: String,
    shopper_reference: Option<String>,
    version: i64,
    placed_at: Timestamp,
    updated_at: Timestamp,
}

impl SummaryRow {
    /// The order; `cause` is why it was cancelled, if it was.
    fn summary(self, cause: Option<String>) -> Result<Summary, Error> {
        let row = self;
        let id = OrderId::from_uuid(row.id);
        let read = || -> Result<Summary, Malformed> {
            Ok(Summary {
                id,
                number: row.number,
                status: parse_name("order status", &row.status)?,
                payment_status: parse_name("payment status", &row.payment_status)?,
                fulfilment_status: parse_name("fulfilment status", &row.fulfilment_status)?,
                total: Money::from_minor(row.total_minor, Currency::parse(&row.currency)?)?,
                reference: row.shopper_reference.as_deref().map(Reference::parse).transpose()?,
                cancel_cause: cause.as_deref().map(cancel_cause).transpose()?,
                version: row.version,
                placed_at: row.placed_at,
                updated_at: row.updated_at,
            })
        };
        read().map_err(|malformed| Error::corrupt(id, malformed))
    }
}
