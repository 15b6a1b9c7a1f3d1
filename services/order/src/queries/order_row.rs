//! One order as a row with everything that belongs to it. The rule: its lines, parcels, returns and money are JSON values of that row,
//! so reading an order is one statement; Diesel cannot say that, so the SELECT is written by hand, here and nowhere else.

use contracts::{
    catalog::Reason,
    order::{Cause, PaymentKind, Pieces},
};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Binary, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{
    BuyerId, ChannelCode, Currency, CustomerId, Email, Malformed, Money, OrderId, ParcelId, PaymentId, ProductId,
    Quantity, RefundId, ReturnId, Sku, Timestamp, VariantId, parse_name,
};
use persistence::{ReadConn, statement};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{
        AddedLine, Addition, Address, Contact, ContactDetails, ContactText, Funds, Label, Life, Line, LineLife,
        LinePrice, Marks, OrderDetail, OrderView, Parcel, Payment, PhoneNumber, PriceSource, Provider, RecordedPayment,
        RecordedRefund, Reference, Refund, Remark, Return, ReturnStatus, Side, SkuPieces, SoldElsewhere, Status,
        TokenDigest, Trigger,
    },
    error::Error,
};

/// The SELECT of the orders `o` that fulfil a condition. `$1` is the organisation. Ids begin with the time, so what was made later comes
/// later.
macro_rules! orders {
    ($condition:literal) => {
        concat!("select o.id, o.number, o.source, o.external_reference, o.raw_status, o.raw_status_at, o.stock_policy, o.oversold, o.status, o.payment_status, o.fulfilment_status, o.total_minor, o.currency, o.channel,
        o.shopper_reference, o.token_digest, o.customer_id, o.version, o.placed_at, o.deadline_at, o.settled_at, o.updated_at,
        o.held, o.held_by_channel, o.cancel_asked_by_channel, o.completed, o.authorised_minor, o.paid_minor, o.refunded_minor,
        (select jsonb_agg(to_jsonb(l) order by l.position) from order_lines l
         where l.org_id = o.org_id and l.order_id = o.id) as lines,
        (select jsonb_agg(to_jsonb(p) order by p.id) from order_parcels p
         where p.org_id = o.org_id and p.order_id = o.id) as parcels,
        (select jsonb_agg(to_jsonb(r) order by r.id) from order_returns r
         where r.org_id = o.org_id and r.order_id = o.id) as returns,
        (select jsonb_agg(to_jsonb(p) order by p.recorded_at, p.id) from order_payments p
         where p.org_id = o.org_id and p.order_id = o.id) as payments,
        (select jsonb_agg(to_jsonb(r) order by r.recorded_at, r.id) from order_refunds r
         where r.org_id = o.org_id and r.order_id = o.id) as refunds,
        (select jsonb_build_object('cause', h.cause, 'reasons', h.details -> 'reasons') from order_history h
         where h.org_id = o.org_id and h.order_id = o.id and h.to_status in ('rejected', 'cancelled')
         order by h.version limit 1) as ending,
        case when o.adding then (select to_jsonb(a) from order_additions a
         where a.org_id = o.org_id and a.order_id = o.id and a.state = 'open') end as addition,
        (select to_jsonb(c) from order_contacts c where c.org_id = o.org_id and c.order_id = o.id) as said
     from orders o where o.org_id = $1 and ", $condition, " order by o.id")
    };
}

/// Selects one order of the organisation.
///
/// # Errors
/// `NotFound` when the organisation has no such order, `Storage` when the database fails.
pub(super) async fn find(read: &mut ReadConn<'_>, order: OrderId) -> Result<OrderRow, Error> {
    let found = statement(orders!("o.id = $2"))
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<SqlUuid, _>(order.uuid())
        .get_result(read.connection())
        .await
        .optional()?;
    found.ok_or(Error::NotFound { order })
}

/// Selects the orders of whoever placed them that come after one, oldest first, so many at most.
///
/// # Errors
/// `Storage` when the database fails.
pub(super) async fn of_buyer(
    read: &mut ReadConn<'_>,
    buyer: BuyerId,
    after: OrderId,
    limit: i64,
) -> Result<Vec<OrderRow>, Error> {
    let select = orders!(
        "o.id in (select c.order_id from (
                      (select order_id from order_contacts
                       where org_id = $1 and buyer_id = $2 and order_id > $3 order by order_id limit $4)
                      union all
                      -- What they claimed after somebody who is nobody here had placed it.
                      (select own.id from buyers b
                       join orders own on own.org_id = b.org_id and own.customer_id = b.customer_id
                       join order_contacts n on n.org_id = own.org_id and n.order_id = own.id and n.buyer_id is null
                       where b.org_id = $1 and b.id = $2 and own.id > $3 order by own.id limit $4)) c
                  order by c.order_id limit $4)"
    );
    let found = statement(select)
        .bind::<SqlUuid, _>(read.organisation().uuid())
        .bind::<SqlUuid, _>(buyer.uuid())
        .bind::<SqlUuid, _>(after.uuid())
        .bind::<BigInt, _>(limit);
    Ok(found.load(read.connection()).await?)
}

#[derive(QueryableByName)]
pub(super) struct OrderRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Nullable<Text>)]
    external_reference: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    raw_status: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    raw_status_at: Option<Timestamp>,
    #[diesel(sql_type = Text)]
    stock_policy: String,
    #[diesel(sql_type = Bool)]
    oversold: bool,
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
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Nullable<Text>)]
    shopper_reference: Option<String>,
    #[diesel(sql_type = Binary)]
    token_digest: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
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
    #[diesel(sql_type = Bool)]
    held: bool,
    #[diesel(sql_type = Bool)]
    held_by_channel: bool,
    #[diesel(sql_type = Bool)]
    cancel_asked_by_channel: bool,
    #[diesel(sql_type = Bool)]
    completed: bool,
    #[diesel(sql_type = BigInt)]
    authorised_minor: i64,
    #[diesel(sql_type = BigInt)]
    paid_minor: i64,
    #[diesel(sql_type = BigInt)]
    refunded_minor: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    lines: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    parcels: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    returns: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    payments: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    refunds: Option<Value>,
    /// What catalog was asked to add to it, where it has not answered.
    #[diesel(sql_type = Nullable<Jsonb>)]
    addition: Option<Value>,
    /// How it came to its end, where it was rejected or cancelled.
    #[diesel(sql_type = Nullable<Jsonb>)]
    ending: Option<Value>,
    /// What was said of whoever ordered, where anything was.
    #[diesel(sql_type = Nullable<Jsonb>)]
    said: Option<Value>,
}

#[derive(Deserialize)]
struct SaidRow {
    buyer_id: Option<Uuid>,
    name: Option<ContactText>,
    email: Option<Email>,
    phone: Option<PhoneNumber>,
    shipping_address: Option<Address>,
    billing_address: Option<Address>,
}

impl SaidRow {
    fn details(self) -> ContactDetails {
        let contact = Contact { name: self.name, email: self.email, phone: self.phone };
        ContactDetails {
            contact: (contact != Contact::default()).then_some(contact),
            shipping_address: self.shipping_address,
            billing_address: self.billing_address,
        }
    }
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
    cost_minor: Option<i64>,
    discount_minor: i64,
    tax_minor: i64,
    shipping_minor: i64,
    price_source: PriceSource,
    packed: i64,
    shipped: i64,
    delivered: i64,
    cancelled: i64,
    return_requested: i64,
    returned: i64,
    written_off: i64,
}

impl LineRow {
    fn life(&self, status: Status) -> LineLife {
        let counted = Pieces {
            ordered: self.quantity,
            reserved: 0,
            packed: self.packed,
            shipped: self.shipped,
            delivered: self.delivered,
            cancelled: self.cancelled,
            return_requested: self.return_requested,
            returned: self.returned,
            written_off: self.written_off,
        };
        let price = LinePrice {
            unit: self.unit_price_minor,
            discount: self.discount_minor,
            tax: self.tax_minor,
            shipping: self.shipping_minor,
            cost: self.cost_minor,
        };
        LineLife::restore(status, counted, price)
    }

    fn line(self, currency: Currency, status: Status) -> Result<Line, Malformed> {
        let quantity = Quantity::new(self.quantity)?;
        let unit_price = Money::from_minor(self.unit_price_minor, currency)?;
        let (discount, tax, shipping) = (self.discount_minor, self.tax_minor, self.shipping_minor);
        let line = Line {
            sku: Sku::parse(&self.sku)?,
            product: ProductId::from_uuid(self.product_id),
            variant: VariantId::from_uuid(self.variant_id),
            product_version: self.product_version,
            pieces: self.life(status).pieces,
            title: self.title,
            variant_title: self.variant_title,
            quantity,
            unit_price,
            price_source: self.price_source,
            amount: unit_price.checked_multiply(quantity)?,
            discount: None,
            tax: None,
            shipping: None,
            cost: self.cost_minor.map(|cost| Money::from_minor(cost, currency)).transpose()?,
        };
        line.charged(discount, tax, shipping).ok_or_else(|| Malformed::new("line", "has a negative amount"))
    }
}

#[derive(Deserialize)]
struct ParcelRow {
    id: Uuid,
    carrier: Option<Label>,
    tracking_number: Option<Label>,
    lines: Vec<SkuPieces>,
    shipped_at: Timestamp,
    delivered_at: Option<Timestamp>,
}

impl From<ParcelRow> for Parcel {
    fn from(row: ParcelRow) -> Self {
        let ParcelRow { id, carrier, tracking_number, lines, shipped_at, delivered_at } = row;
        Self { id: ParcelId::from_uuid(id), carrier, tracking_number, lines, shipped_at, delivered_at }
    }
}

#[derive(Deserialize)]
struct ReturnRow {
    id: Uuid,
    status: ReturnStatus,
    reason: Option<Remark>,
    lines: Vec<SkuPieces>,
    restocked: Vec<SkuPieces>,
    written_off: Vec<SkuPieces>,
    requested_at: Timestamp,
    settled_at: Option<Timestamp>,
}

impl From<ReturnRow> for Return {
    fn from(row: ReturnRow) -> Self {
        let ReturnRow { id, status, reason, lines, restocked, written_off, requested_at, settled_at } = row;
        Self { id: ReturnId::from_uuid(id), status, reason, lines, restocked, written_off, requested_at, settled_at }
    }
}

#[derive(Deserialize)]
struct PaymentRow {
    id: Uuid,
    kind: PaymentKind,
    provider: Provider,
    method: Label,
    reference: Option<Label>,
    provider_reference: Option<Label>,
    amount_minor: i64,
    recorded_at: Timestamp,
}

impl PaymentRow {
    fn payment(self, currency: Currency) -> Result<RecordedPayment, Malformed> {
        let payment = Payment {
            id: PaymentId::from_uuid(self.id),
            kind: self.kind,
            provider: self.provider,
            method: self.method,
            reference: self.reference,
            provider_reference: self.provider_reference,
            amount: Money::from_minor(self.amount_minor, currency)?,
        };
        Ok(RecordedPayment { payment, recorded_at: self.recorded_at })
    }
}

#[derive(Deserialize)]
struct RefundRow {
    id: Uuid,
    payment_id: Uuid,
    method: Label,
    reference: Option<Label>,
    provider_reference: Option<Label>,
    amount_minor: i64,
    recorded_at: Timestamp,
}

impl RefundRow {
    fn refund(self, currency: Currency) -> Result<RecordedRefund, Malformed> {
        let refund = Refund {
            id: RefundId::from_uuid(self.id),
            payment: PaymentId::from_uuid(self.payment_id),
            method: self.method,
            reference: self.reference,
            provider_reference: self.provider_reference,
            amount: Money::from_minor(self.amount_minor, currency)?,
        };
        Ok(RecordedRefund { refund, recorded_at: self.recorded_at })
    }
}

#[derive(Deserialize)]
struct AdditionRow {
    number: i64,
    lines: Vec<AddedLine>,
    reason: Option<Remark>,
    requested_at: Timestamp,
}

impl From<AdditionRow> for Addition {
    fn from(row: AdditionRow) -> Self {
        let AdditionRow { number, lines, reason, requested_at } = row;
        Self { number, lines, reason, requested_at }
    }
}

#[derive(Deserialize)]
struct Ending {
    cause: String,
    #[serde(default)]
    reasons: Option<Vec<Reason>>,
}

impl OrderRow {
    /// Its identity.
    pub(super) fn id(&self) -> OrderId {
        OrderId::from_uuid(self.id)
    }

    /// The digest of the token that the order's holder has.
    pub(super) fn token(&self) -> TokenDigest {
        TokenDigest::stored(self.token_digest.clone())
    }

    /// The customer whose order it is, if it is one's.
    pub(super) fn customer(&self) -> Option<CustomerId> {
        self.customer_id.map(CustomerId::from_uuid)
    }

    fn said(&self, id: OrderId) -> Result<Option<SaidRow>, Error> {
        self.said.clone().map(serde_json::from_value).transpose().map_err(|error| Error::corrupt(id, error))
    }

    /// The order as staff sees it.
    ///
    /// # Errors
    /// `Corrupt` when a row breaks a rule of the domain.
    pub(super) fn detail(mut self) -> Result<OrderDetail, Error> {
        let id = OrderId::from_uuid(self.id);
        let corrupt = |malformed: Malformed| Error::corrupt(id, malformed);
        let currency = Currency::parse(&self.currency).map_err(corrupt)?;
        let status = parse_name("order status", &self.status).map_err(corrupt)?;
        let payments: Vec<PaymentRow> = json(id, self.payments.take())?;
        let refunds: Vec<RefundRow> = json(id, self.refunds.take())?;
        let lines: Vec<LineRow> = json(id, self.lines.clone())?;
        let said = self.said(id)?;
        let lives = lines.iter().map(|line| line.life(status)).collect();
        let funds =
            Funds { authorised: self.authorised_minor, received: self.paid_minor, refunded: self.refunded_minor };
        let marks = Marks {
            held: self.held.then_some(Side::of(self.held_by_channel)),
            asking: Side::of(self.cancel_asked_by_channel),
            completed: self.completed,
            sold_elsewhere: self.external_reference.is_some(),
            oversold: self.oversold,
        };
        let addition: Option<AdditionRow> =
            self.addition.take().map(serde_json::from_value).transpose().map_err(|error| Error::corrupt(id, error))?;
        let addition = addition.map(Addition::from);
        let skus: Vec<Sku> =
            lines.iter().map(|line| Sku::parse(&line.sku)).collect::<Result<_, _>>().map_err(corrupt)?;
        let asked = addition.as_ref().map(|addition| addition.asked(skus.iter()));
        let life = Life::restore(status, marks, asked, lives, funds).map_err(corrupt)?;
        Ok(OrderDetail {
            buyer: said.and_then(|said| said.buyer_id).map(BuyerId::from_uuid),
            due: Money::from_minor(life.due(), currency).map_err(corrupt)?,
            payments: payments
                .into_iter()
                .map(|row| row.payment(currency))
                .collect::<Result<_, _>>()
                .map_err(corrupt)?,
            refunds: refunds.into_iter().map(|row| row.refund(currency)).collect::<Result<_, _>>().map_err(corrupt)?,
            addition: addition.filter(|_| life.addition.is_some()).map(|addition| addition.view()),
            possible: life.possible(),
            order: self.try_into()?,
        })
    }
}

impl TryFrom<OrderRow> for OrderView {
    type Error = Error;

    fn try_from(row: OrderRow) -> Result<Self, Error> {
        let id = OrderId::from_uuid(row.id);
        let corrupt = |malformed: Malformed| Error::corrupt(id, malformed);
        let currency = Currency::parse(&row.currency).map_err(corrupt)?;
        let status: Status = parse_name("order status", &row.status).map_err(corrupt)?;
        let contact_details = row.said(id)?.map(SaidRow::details).unwrap_or_default();
        let lines: Vec<LineRow> = json(id, row.lines)?;
        let parcels: Vec<ParcelRow> = json(id, row.parcels)?;
        let returns: Vec<ReturnRow> = json(id, row.returns)?;
        let ending: Option<Ending> =
            row.ending.map(serde_json::from_value).transpose().map_err(|error| Error::corrupt(id, error))?;
        let (cause, reasons) = ending.map(|ending| (ending.cause, ending.reasons)).unzip();
        let cause = cause.filter(|_| status == Status::Cancelled);
        let said = row.external_reference.zip(row.raw_status).zip(row.raw_status_at);
        let said = said.map(|((reference, status), at)| Said { reference, status, at });
        let read = || -> Result<Self, Malformed> {
            Ok(Self {
                id,
                number: row.number,
                status,
                payment_status: parse_name("payment status", &row.payment_status)?,
                fulfilment_status: parse_name("fulfilment status", &row.fulfilment_status)?,
                lines: lines.into_iter().map(|line| line.line(currency, status)).collect::<Result<_, _>>()?,
                total: Money::from_minor(row.total_minor, currency)?,
                source: parse_name("source", &row.source)?,
                channel: ChannelCode::parse(&row.channel)?,
                sold_elsewhere: said.map(|said| said.parse(&row.stock_policy)).transpose()?,
                oversold: row.oversold,
                parcels: parcels.into_iter().map(Parcel::from).collect(),
                returns: returns.into_iter().map(Return::from).collect(),
                reference: row.shopper_reference.as_deref().map(Reference::parse).transpose()?,
                contact_details,
                cancel_cause: cause.as_deref().map(cancel_cause).transpose()?,
                reasons: reasons.flatten().unwrap_or_default(),
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

/// What the channel said of an order that was sold elsewhere.
struct Said {
    reference: String,
    status: String,
    at: Timestamp,
}

impl Said {
    fn parse(self, stock: &str) -> Result<SoldElsewhere, Malformed> {
        Ok(SoldElsewhere {
            external_reference: Label::parse(&self.reference)?,
            raw_status: Label::parse(&self.status)?,
            raw_status_at: self.at,
            stock: parse_name("stock policy", stock)?,
        })
    }
}

/// Who or what cancelled an order, by what its history says. That nobody paid in time is told as a time that passed, here as in the view
/// `searchable_orders` and in the event.
pub(super) fn cancel_cause(history: &str) -> Result<Cause, Malformed> {
    if history == Trigger::UnpaidTooLong.as_str() { Ok(Cause::Deadline) } else { parse_name("cancel cause", history) }
}

/// What a list of rows holds; no list has none.
fn json<T: DeserializeOwned>(order: OrderId, stored: Option<Value>) -> Result<Vec<T>, Error> {
    let read = stored.map(serde_json::from_value).transpose().map_err(|error| Error::corrupt(order, error))?;
    Ok(read.unwrap_or_default())
}
