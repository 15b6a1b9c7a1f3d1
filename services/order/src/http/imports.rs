//! Orders that were sold elsewhere, brought by the seller or a program of theirs. The rule: what was sold is taken as it was sold; only
//! what cannot be an order of this organisation is refused.

use contracts::order::{Source, StockPolicy};
use kernel::{ChannelCode, Clock, CustomerId, Malformed, OrderId, Quantity, Sku, Timestamp};
use rest::{App, Body, IdempotencyKey, PriceBody, Problem, Recorded, Staff, State, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    contact::{self, AddressBody, ContactBody},
    entry::{amount, line, terms},
    shop::Shop,
    steps::label,
};
use crate::{
    commands::{Import, ImportOrder, ImportOrders, ImportedOrder, ImportedOrders},
    domain::{
        Arrival, ArrivalStatus, Draft, HoldLimits, Label, OrderTerms, OrderToken, Reference, RequestedLine, SkuPieces,
        SoldElsewhere, WantedOrder,
    },
    error::Error,
};

/// How far the clock of a channel may be ahead, in seconds.
const AHEAD: u64 = 300;

/// An order that was sold elsewhere.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportOrderBody {
    /// Where it was sold, 1 to 32 lower-case letters, digits or hyphens.
    #[garde(custom(parses(ChannelCode::parse)))]
    #[schemars(with = "ChannelCode")]
    channel: String,
    /// The channel's own name of the order, 1 to 100 characters. What comes again under it is that order.
    #[garde(custom(parses(Label::parse)))]
    #[schemars(with = "Label")]
    external_reference: String,
    /// When it was placed there, as RFC 3339 writes it; not in the future.
    #[garde(custom(parses(Clock::parse)), custom(holds(past(&self.placed_at))))]
    #[schemars(with = "Timestamp")]
    placed_at: String,
    /// The channel's own word for where it stands, 1 to 100 characters.
    #[garde(custom(parses(Label::parse)))]
    #[schemars(with = "Label")]
    raw_status: String,
    /// When the channel said so, as RFC 3339 writes it; not in the future. What is older than what is known is not heard.
    #[garde(custom(parses(Clock::parse)), custom(holds(past(&self.raw_status_at))))]
    #[schemars(with = "Timestamp")]
    raw_status_at: String,
    /// Where it stands in our words. Left out, a new order is `confirmed` and one that is known stays where it is: so it is for a word of
    /// the channel that nobody here knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    status: Option<ArrivalStatus>,
    /// What it takes from stock: `update` takes what it wants if that can be had and is held back otherwise, `force` takes it also where
    /// it cannot be had, `skip` takes nothing. `update` when left out.
    #[serde(default)]
    #[garde(skip)]
    stock: StockPolicy,
    /// 1 to 100 lines; lines with the same SKU become one.
    #[garde(dive, length(min = 1, max = 100))]
    lines: Vec<SoldLineBody>,
    /// The customer whose order it is; nobody's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    customer: Option<CustomerId>,
    /// Whom to ask about the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    contact: Option<ContactBody>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    shipping_address: Option<AddressBody>,
    /// Where the invoice goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    billing_address: Option<AddressBody>,
    /// The buyer's reference, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Reference::parse))))]
    #[schemars(with = "Option<Reference>")]
    reference: Option<String>,
    /// What was taken off the order, beyond what was taken off its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    discount: Option<PriceBody>,
    /// What shipping cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    shipping: Option<PriceBody>,
    /// Tax beyond the prices and beyond the tax of the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    tax: Option<PriceBody>,
    /// What it came to. Where it is given and the parts add up to something else, the order is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    total: Option<PriceBody>,
    /// What the channel received for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    paid: Option<PriceBody>,
    /// Who carries what left, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    carrier: Option<String>,
    /// The carrier's number of it, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    tracking_number: Option<String>,
    /// Whether what came back can be sold again; it is written off when left out.
    #[serde(default)]
    #[garde(skip)]
    restocked: bool,
}

/// One line of an order that was sold elsewhere.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct SoldLineBody {
    /// 1 to 64 visible characters without spaces.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// 1 to 1,000,000.
    #[garde(range(min = 1, max = 1_000_000))]
    quantity: i64,
    /// The price of one, as it was sold.
    #[garde(dive)]
    unit_price: PriceBody,
    /// What was taken off the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    discount: Option<PriceBody>,
    /// Tax beyond the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    tax: Option<PriceBody>,
    /// How many of its pieces the channel says are packed, up to `quantity`; for a `status` before `packed`, which packs all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(min = 0, max = 1_000_000)), custom(holds(part_of(self.packed, self.quantity))))]
    #[schemars(extend("minimum" = 0, "maximum" = 1_000_000))]
    packed: Option<i64>,
}

/// Orders that were sold elsewhere.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportOrdersBody {
    /// 1 to 100 orders. One that is refused is reported and keeps no other out.
    #[garde(dive, length(min = 1, max = 100))]
    orders: Vec<ImportOrderBody>,
}

pub(super) async fn one(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    State(shop): State<Shop>,
    Body(body): Body<ImportOrderBody>,
) -> Result<Recorded<ImportedOrder>, Problem> {
    let at = |imported: &ImportedOrder| format!("/admin/v1/orders/{}", imported.order);
    app.create_grouped(&by, &key, &body, ImportOrder(body.import(&shop)?), at).await
}

pub(super) async fn many(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    State(shop): State<Shop>,
    Body(body): Body<ImportOrdersBody, 1_048_576>,
) -> Result<Recorded<ImportedOrders>, Problem> {
    let imports = body.orders.iter().map(|order| order.import(&shop)).collect::<Result<_, _>>()?;
    app.create(&by, &key, &body, ImportOrders(imports), |_| "/admin/v1/orders".to_owned()).await
}

impl ImportOrderBody {
    fn import(&self, shop: &Shop) -> Result<Import, Problem> {
        let paid = amount(self.paid.as_ref())?;
        let terms = OrderTerms { paid, ..terms([&self.discount, &self.shipping, &self.tax, &self.total])? };
        let lines = self.lines.iter().map(SoldLineBody::parse).collect::<Result<_, _>>()?;
        let placed_at = Clock::parse(&self.placed_at)?;
        let order = WantedOrder {
            // Lists go by the ids, which begin with the time of placing.
            order: OrderId::at(placed_at),
            // Nobody is told it.
            token: OrderToken::generate().map_err(Problem::unavailable)?.digest(),
            draft: Draft::of(Source::Import, lines, terms).map_err(Error::from)?,
            channel: ChannelCode::parse(&self.channel)?,
            reference: self.reference.as_deref().map(Reference::parse).transpose()?,
            customer: self.customer,
            contact_details: contact::details(
                self.contact.as_ref(),
                self.shipping_address.as_ref(),
                self.billing_address.as_ref(),
            )?,
            placed_from: None,
            limits: HoldLimits::NONE,
            deadline_seconds: shop.deadline_seconds,
        };
        Ok(Import { order, sold: self.sold()?, placed_at, arrival: self.arrival()? })
    }

    fn sold(&self) -> Result<SoldElsewhere, Malformed> {
        Ok(SoldElsewhere {
            external_reference: Label::parse(&self.external_reference)?,
            raw_status: Label::parse(&self.raw_status)?,
            raw_status_at: Clock::parse(&self.raw_status_at)?,
            stock: self.stock,
        })
    }

    fn arrival(&self) -> Result<Arrival, Malformed> {
        Ok(Arrival {
            status: self.status,
            packed: self.lines.iter().filter_map(SoldLineBody::packed).collect::<Result<_, _>>()?,
            carrier: label(self.carrier.as_deref())?,
            tracking_number: label(self.tracking_number.as_deref())?,
            paid: amount(self.paid.as_ref())?,
            restocked: self.restocked,
        })
    }
}

impl SoldLineBody {
    fn parse(&self) -> Result<RequestedLine, Malformed> {
        let amounts = (Some(&self.unit_price), self.discount.as_ref(), self.tax.as_ref());
        line(&self.sku, self.quantity, amounts)
    }

    fn packed(&self) -> Option<Result<SkuPieces, Malformed>> {
        let pieces = |packed| Ok(SkuPieces { sku: Sku::parse(&self.sku)?, quantity: Quantity::new(packed)? });
        self.packed.filter(|packed| *packed > 0).map(pieces)
    }
}

/// Refuses more pieces that are packed than there are.
fn part_of(packed: Option<i64>, quantity: i64) -> Result<(), Malformed> {
    let is_more = packed.is_some_and(|packed| packed > quantity);
    if is_more { Err(Malformed::new("packed", "must not be more than the quantity")) } else { Ok(()) }
}

/// Refuses a time in the future.
fn past(text: &str) -> Result<(), Malformed> {
    match Clock::parse(text) {
        Ok(time) if time > Clock::now() + std::time::Duration::from_secs(AHEAD) => {
            Err(Malformed::new("time", "must not be in the future"))
        }
        _ => Ok(()),
    }
}
