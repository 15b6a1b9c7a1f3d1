//! Somebody who ordered, with what their orders came to.

use access::Permission;
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{BuyerId, Currency, CustomerId, Email, Malformed, Money, SignedMoney, Timestamp};
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Buyer, Contact, ContactText, PhoneNumber, Turnover},
    error::Error,
};

/// Asks for somebody who ordered.
#[derive(Debug, Clone, Copy)]
pub struct FindBuyer {
    /// The person who is asked about.
    pub buyer: BuyerId,
}

impl Query for FindBuyer {
    const NAME: &'static str = "order.find-customer";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Buyer;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Buyer, Error> {
        find(read, self.buyer).await
    }
}

/// Asks for somebody who was forgotten, as whoever forgets people may.
#[derive(Debug, Clone, Copy)]
pub struct FindErased(pub FindBuyer);

impl Query for FindErased {
    const NAME: &'static str = "order.find-erased-customer";
    const REQUIRES: Permission = Permission::PrivacyManage;
    type Tenancy = Tenant;
    type Reply = Buyer;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Buyer, Error> {
        self.0.fetch(read).await
    }
}

/// Selects somebody who ordered.
///
/// # Errors
/// `BuyerNotFound` when the organisation knows nobody of that id, `Storage` when the database fails.
pub(super) async fn find(read: &mut ReadConn<'_>, buyer: BuyerId) -> Result<Buyer, Error> {
    let row: Option<BuyerRow> = statement(
        "select b.customer_id, b.name, b.email, b.phone, b.orders, b.first_order_at, b.last_order_at, b.erased_at,
                (select jsonb_agg(to_jsonb(t) order by t.currency) from (
                    select o.currency, count(*) as orders, least(sum(o.total_minor), 9223372036854775807)::bigint as ordered,
                           least(sum(o.paid_minor - o.refunded_minor), 9223372036854775807)::bigint as spent
                    from order_contacts c join orders o on o.org_id = c.org_id and o.id = c.order_id
                    where c.org_id = b.org_id and c.buyer_id = b.id group by o.currency) t) as turnover
         from buyers b where b.org_id = $1 and b.id = $2",
    )
    .bind::<SqlUuid, _>(read.organisation().uuid())
    .bind::<SqlUuid, _>(buyer.uuid())
    .get_result(read.connection())
    .await
    .optional()?;
    row.ok_or(Error::BuyerNotFound { buyer })?.buyer(buyer)
}

#[derive(QueryableByName)]
struct BuyerRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = BigInt)]
    orders: i64,
    #[diesel(sql_type = Timestamptz)]
    first_order_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    last_order_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    erased_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    turnover: Option<Value>,
}

#[derive(Deserialize)]
struct TurnoverRow {
    currency: String,
    orders: i64,
    ordered: i64,
    spent: i64,
}

impl TurnoverRow {
    fn turnover(&self) -> Result<Turnover, Malformed> {
        let currency = Currency::parse(&self.currency)?;
        let (ordered, spent) =
            (Money::from_minor(self.ordered, currency)?, SignedMoney::from_minor(self.spent, currency)?);
        Ok(Turnover { orders: self.orders, ordered, spent })
    }
}

impl BuyerRow {
    fn buyer(self, id: BuyerId) -> Result<Buyer, Error> {
        let rows: Option<Vec<TurnoverRow>> =
            self.turnover.map(serde_json::from_value).transpose().map_err(|error| Error::corrupt(id, error))?;
        let read = || -> Result<Buyer, Malformed> {
            let contact = Contact {
                name: self.name.as_deref().map(ContactText::parse).transpose()?,
                email: self.email.as_deref().map(Email::parse).transpose()?,
                phone: self.phone.as_deref().map(PhoneNumber::parse).transpose()?,
            };
            Ok(Buyer {
                id,
                customer: self.customer_id.map(CustomerId::from_uuid),
                contact,
                orders: self.orders,
                turnover: rows.iter().flatten().map(TurnoverRow::turnover).collect::<Result<_, _>>()?,
                first_order_at: self.first_order_at,
                last_order_at: self.last_order_at,
                erased_at: self.erased_at,
            })
        };
        read().map_err(|malformed| Error::corrupt(id, malformed))
    }
}
