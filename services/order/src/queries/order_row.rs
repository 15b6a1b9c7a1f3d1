//! One order with its lines as a row. The rule: its lines are one JSON value of that row, so reading an order is one
//! statement; Diesel cannot say that, so the SELECT is written by hand, here and nowhere else.

use contracts::catalog::Reason;
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Binary, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{
    Currency, CustomerId, Malformed, Money, OrderId, ProductId, Quantity, Sku, Timestamp, VariantId, parse_name,
};
use persistence::{ReadConn, statement};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{FulfilmentStatus, Line, OrderView, PaymentStatus, Reference, Status, TokenDigest},
    error::Error,
};

/// `$1` is the organisation and `$2` the order.
const SELECT: &str = "select o.id, o.status, o.payment_status, o.fulfilment_status, o.total_minor, o.currency,
        o.shopper_reference, o.token_digest, o.customer_id, o.reasons, o.cancel_cause, o.version, o.placed_at, o.deadline_at,
        o.settled_at, o.updated_at,
        (select jsonb_agg(to_jsonb(l) order by l.position) from order_lines l
         where l.org_id = o.org_id and l.order_id = o.id) as lines
     from orders o where o.org_id = $1 and o.id = $2";

/// Selects one order of the organisation.
///
/// # Errors
/// `NotFound` when the organisation has no such order, `Storage` when the database fails.
pub(super) async fn find(read: &mut ReadConn<'_>, order: OrderId) -> Result<OrderRow, Error> {
    let found = statement(SELECT)
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<SqlUuid, _>(order.uuid())
        .get_result(read.connection())
        .await
        .optional()?;
    found.ok_or(Error::NotFound { order })
}

#[derive(QueryableByName)]
pub(super) struct OrderRow {
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
    #[diesel(sql_type = Binary)]
    token_digest: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    reasons: Option<Value>,
    #[diesel(sql_type = Nullable<Text>)]
    cancel_cause: Option<String>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    placed_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    deadline_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    settled_at: Option<Timestamp>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
    #[diesel(sql_type = Nullable<Jsonb>)]
    lines: Option<Value>,
}

#[derive(Deserialize)]
struct LineRow {
    sku: String,
    product_id: Uuid,
    variant_id: Uuid,
    product_version: i64,
    title: String,
    variant_title: String,
    quantity: i64,
    unit_price_minor: i64,
}

impl LineRow {
    fn line(self, currency: Currency) -> Result<Line, Malformed> {
        let quantity = Quantity::new(self.quantity)?;
        let unit_price = Money::from_minor(self.unit_price_minor, currency)?;
        Ok(Line {
            sku: Sku::parse(&self.sku)?,
            product: ProductId::from_uuid(self.product_id),
            variant: VariantId::from_uuid(self.variant_id),
            product_version: self.product_version,
            title: self.title,
            variant_title: self.variant_title,
            quantity,
            unit_price,
            amount: unit_price.checked_multiply(quantity)?,
        })
    }
}

impl OrderRow {
    /// The digest of the token that the order's holder has.
    pub(super) fn token(&self) -> TokenDigest {
        TokenDigest::stored(self.token_digest.clone())
    }

    /// The customer whose order it is, if it is one's.
    pub(super) fn customer(&self) -> Option<CustomerId> {
        self.customer_id.map(CustomerId::from_uuid)
    }
}

impl TryFrom<OrderRow> for OrderView {
    type Error = Error;

    fn try_from(row: OrderRow) -> Result<Self, Error> {
        let id = OrderId::from_uuid(row.id);
        let corrupt = |malformed: Malformed| Error::corrupt(id, malformed);
        let currency = Currency::parse(&row.currency).map_err(corrupt)?;
        let lines: Vec<LineRow> = json(id, row.lines)?.unwrap_or_default();
        let reasons: Option<Vec<Reason>> = json(id, row.reasons)?;
        let read = || -> Result<Self, Malformed> {
            Ok(Self {
                id,
                status: Status::parse(&row.status)?,
                payment_status: PaymentStatus::parse(&row.payment_status)?,
                fulfilment_status: FulfilmentStatus::parse(&row.fulfilment_status)?,
                lines: lines.into_iter().map(|line| line.line(currency)).collect::<Result<_, _>>()?,
                total: Money::from_minor(row.total_minor, currency)?,
                reference: row.shopper_reference.as_deref().map(Reference::parse).transpose()?,
                reasons: reasons.unwrap_or_default(),
                cancel_cause: row.cancel_cause.as_deref().map(|text| parse_name("cancel cause", text)).transpose()?,
                version: row.version,
                placed_at: row.placed_at,
                deadline_at: row.deadline_at,
                settled_at: row.settled_at,
                updated_at: row.updated_at,
            })
        };
        read().map_err(corrupt)
    }
}

fn json<T: DeserializeOwned>(order: OrderId, stored: Option<Value>) -> Result<Option<T>, Error> {
    stored.map(serde_json::from_value).transpose().map_err(|error| Error::corrupt(order, error))
}
