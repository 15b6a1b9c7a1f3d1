//! An order with its lines as the read side selects it: one row, the lines as JSON.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{Currency, Malformed, Money, OrderId, ProductId, Quantity, Sku, Timestamp, VariantId};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    domain::{Cause, FulfilmentStatus, Line, Order, PaymentStatus, Reference, Status, TokenDigest},
    error::Error,
};

/// Selects one order; `$1` is the organisation and `$2` the order.
pub(super) const SELECT: &str =
    "select o.id, o.status, o.payment_status, o.fulfilment_status, o.total_minor, o.currency,
        o.shopper_reference, o.token_digest, o.reasons, o.cancel_cause, o.version, o.placed_at, o.deadline_at,
        o.settled_at, o.updated_at,
        (select jsonb_agg(to_jsonb(l) order by l.position) from order_lines l
         where l.org_id = o.org_id and l.order_id = o.id) as lines
     from orders o where o.org_id = $1 and o.id = $2";

#[derive(QueryableByName)]
pub(super) struct Row {
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
    #[diesel(sql_type = Nullable<Jsonb>)]
    reasons: Option<serde_json::Value>,
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
    lines: Option<serde_json::Value>,
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

impl Row {
    /// Of the token that the order's holder has.
    pub(super) fn token(&self) -> TokenDigest {
        TokenDigest::stored(self.token_digest.clone())
    }

    /// The order.
    pub(super) fn order(self) -> Result<Order, Error> {
        let id = OrderId::from_uuid(self.id);
        let json = |error: serde_json::Error| Error::corrupt(id, error);
        let lines: Vec<LineRow> = self.lines.map(serde_json::from_value).transpose().map_err(json)?.unwrap_or_default();
        let reasons = self.reasons.map(serde_json::from_value).transpose().map_err(json)?.unwrap_or_default();
        let read = || -> Result<Order, Malformed> {
            let currency = Currency::parse(&self.currency)?;
            Ok(Order {
                id,
                status: Status::parse(&self.status)?,
                payment_status: PaymentStatus::parse(&self.payment_status)?,
                fulfilment_status: FulfilmentStatus::parse(&self.fulfilment_status)?,
                lines: lines.into_iter().map(|line| line.line(currency)).collect::<Result<_, _>>()?,
                total: Money::from_minor(self.total_minor, currency)?,
                reference: self.shopper_reference.as_deref().map(Reference::parse).transpose()?,
                reasons,
                cancel_cause: self.cancel_cause.as_deref().map(Cause::parse).transpose()?,
                version: self.version,
                placed_at: self.placed_at,
                deadline_at: self.deadline_at,
                settled_at: self.settled_at,
                updated_at: self.updated_at,
            })
        };
        read().map_err(|malformed| Error::corrupt(id, malformed))
    }
}
