//! The organisation's orders, newest first. Both SELECTs read an index in its order and no more rows than a page has.

use access::Permission;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Cursor, Malformed, Money, OrderId, Page, PageSize, Timestamp};
use mediator::Query;
use persistence::{ReadConn, limited, statement};
use uuid::Uuid;

use crate::{
    domain::{FulfilmentStatus, PaymentStatus, Reference, Status, Summary},
    error::Error,
};

/// Asks for a page of orders.
#[derive(Debug, Clone)]
pub struct ListOrders {
    /// Orders with this status only.
    pub status: Option<Status>,
    /// Where the page begins; none for the newest order.
    pub cursor: Option<Cursor>,
    /// How many orders the page has at most.
    pub limit: PageSize,
}

impl Query for ListOrders {
    const NAME: &'static str = "order.list-orders";
    const REQUIRES: Permission = Permission::OrdersRead;
    type Reply = Page<Summary>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<Summary>, Error> {
        let organisation = read.organisation().uuid();
        let last: Option<OrderId> = self.cursor.as_ref().map(Cursor::decode).transpose()?;
        // Ids begin with the time of placing. No id sorts after the largest one, so the first page begins there.
        let before = last.map_or(Uuid::max(), |order: OrderId| order.uuid());
        let loaded: Result<Vec<Row>, _> = match self.status {
            None => {
                let all = statement(
                    "select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference,
                            version, placed_at, updated_at
                     from orders where org_id = $1 and id < $2 order by id desc",
                )
                .bind::<SqlUuid, _>(organisation)
                .bind::<SqlUuid, _>(before);
                limited(all, self.limit).load(read.connection()).await
            }
            Some(status) => {
                let some = statement(
                    "select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference,
                            version, placed_at, updated_at
                     from orders where org_id = $1 and status = $3 and id < $2 order by id desc",
                )
                .bind::<SqlUuid, _>(organisation)
                .bind::<SqlUuid, _>(before)
                .bind::<Text, _>(status.as_str());
                limited(some, self.limit).load(read.connection()).await
            }
        };
        let rows = loaded.map_err(persistence::Error::from)?;
        let orders = rows.into_iter().map(Summary::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(orders, self.limit, |last| last.id)?)
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    payment_status: String,
    #[diesel(sql_type = Text)]
    fulfilment_status: String,
    #[diesel(sql_type = BigInt)]
    total_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Nullable<Text>)]
    shopper_reference: Option<String>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    placed_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
}

impl TryFrom<Row> for Summary {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = OrderId::from_uuid(row.id);
        let read = || -> Result<Self, Malformed> {
            Ok(Self {
                id,
                status: Status::parse(&row.status)?,
                payment_status: PaymentStatus::parse(&row.payment_status)?,
                fulfilment_status: FulfilmentStatus::parse(&row.fulfilment_status)?,
                total: Money::from_minor(row.total_minor, Currency::parse(&row.currency)?)?,
                reference: row.shopper_reference.as_deref().map(Reference::parse).transpose()?,
                version: row.version,
                placed_at: row.placed_at,
                updated_at: row.updated_at,
            })
        };
        read().map_err(|malformed| Error::corrupt(id, malformed))
    }
}
