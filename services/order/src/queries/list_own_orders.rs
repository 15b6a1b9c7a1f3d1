//! A customer's own orders, newest first. The rule: the SELECT reads an index in its order and no more rows than a page has.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Cursor, CustomerId, Malformed, Money, OrderId, Page, PageSize, Timestamp, parse_name};
use mediator::{Query, Tenant};
use persistence::{ReadConn, limited};
use uuid::Uuid;

use crate::{
    domain::{FulfilmentStatus, PaymentStatus, Reference, Status, Summary},
    error::Error,
    schema::orders,
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
            .select(SummaryRow::as_select());
        let rows: Vec<SummaryRow> = limited(page, self.limit).load(read.connection()).await?;
        let summaries = rows.into_iter().map(Summary::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(list.page(summaries, self.limit, |last| last.id)?)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders, check_for_backend(diesel::pg::Pg))]
struct SummaryRow {
    id: Uuid,
    status: String,
    payment_status: String,
    fulfilment_status: String,
    total_minor: i64,
    currency: String,
    shopper_reference: Option<String>,
    cancel_cause: Option<String>,
    version: i64,
    placed_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<SummaryRow> for Summary {
    type Error = Error;

    fn try_from(row: SummaryRow) -> Result<Self, Error> {
        let id = OrderId::from_uuid(row.id);
        let read = || -> Result<Self, Malformed> {
            Ok(Self {
                id,
                status: Status::parse(&row.status)?,
                payment_status: PaymentStatus::parse(&row.payment_status)?,
                fulfilment_status: FulfilmentStatus::parse(&row.fulfilment_status)?,
                total: Money::from_minor(row.total_minor, Currency::parse(&row.currency)?)?,
                reference: row.shopper_reference.as_deref().map(Reference::parse).transpose()?,
                cancel_cause: row.cancel_cause.as_deref().map(|text| parse_name("cancel cause", text)).transpose()?,
                version: row.version,
                placed_at: row.placed_at,
                updated_at: row.updated_at,
            })
        };
        read().map_err(|malformed| Error::corrupt(id, malformed))
    }
}
