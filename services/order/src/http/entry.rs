//! Orders that the seller brings: those that staff writes down for somebody. The rule: what is stated here is the seller's word; a
//! shopper can state none of it.

use contracts::order::Source;
use kernel::{ChannelCode, CustomerId, Malformed, OrderId, Quantity, Sku};
use rest::{App, Body, IdempotencyKey, PriceBody, Problem, Recorded, Staff, State, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    contact::{self, AddressBody, ContactBody},
    shop::Shop,
};
use crate::{
    commands::{EnterOrder, PlaceOrder, Receipt},
    domain::{Draft, HoldLimits, LineTerms, OrderTerms, OrderToken, Reference, RequestedLine, WantedOrder},
    error::Error,
};

/// An order that staff writes down.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct EnterOrderBody {
    /// 1 to 100 lines; lines with the same SKU become one.
    #[garde(dive, length(min = 1, max = 100))]
    lines: Vec<EnteredLineBody>,
    /// The customer whose order it is; a guest's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    customer: Option<CustomerId>,
    /// Where it is sold, 1 to 32 lower-case letters, digits or hyphens; `shop` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(ChannelCode::parse))))]
    #[schemars(with = "Option<ChannelCode>")]
    channel: Option<String>,
    /// The shopper's reference, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Reference::parse))))]
    #[schemars(with = "Option<Reference>")]
    reference: Option<String>,
    /// Who orders: a name, an e-mail address, a phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    contact: Option<ContactBody>,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    shipping_address: Option<AddressBody>,
    /// Where the bill goes, when that is somewhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    billing_address: Option<AddressBody>,
    /// What is taken off the order, beyond what is taken off its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    discount: Option<PriceBody>,
    /// What shipping costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    shipping: Option<PriceBody>,
    /// Tax beyond the prices and beyond the tax of the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    tax: Option<PriceBody>,
    /// What it comes to. Where it is given and the parts add up to something else, nothing is placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    total: Option<PriceBody>,
}

/// One line that staff writes down.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct EnteredLineBody {
    /// 1 to 64 visible characters without spaces.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// 1 to 1,000,000.
    #[garde(range(min = 1, max = 1_000_000))]
    quantity: i64,
    /// The price of one, whatever the catalog says; the catalog's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    unit_price: Option<PriceBody>,
    /// What is taken off the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    discount: Option<PriceBody>,
    /// Tax beyond the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    tax: Option<PriceBody>,
}

pub(super) async fn enter(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    State(shop): State<Shop>,
    Body(body): Body<EnterOrderBody>,
) -> Result<Recorded<Receipt, 202>, Problem> {
    let at = |receipt: &Receipt| format!("/admin/v1/orders/{}", receipt.order.id);
    app.create_grouped(&by, &key, &body, body.command(&shop)?, at).await
}

impl EnterOrderBody {
    pub(super) fn command(&self, shop: &Shop) -> Result<EnterOrder, Problem> {
        let terms = terms([&self.discount, &self.shipping, &self.tax, &self.total])?;
        let lines = self.lines.iter().map(EnteredLineBody::parse).collect::<Result<_, _>>()?;
        let channel = self.channel.as_deref().map(ChannelCode::parse).transpose()?;
        let token = OrderToken::generate().map_err(Problem::unavailable)?;
        let order = WantedOrder {
            order: OrderId::new(),
            token: token.digest(),
            draft: Draft::of(Source::Staff, lines, terms).map_err(Error::from)?,
            channel: channel.unwrap_or_else(ChannelCode::shop),
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
        Ok(EnterOrder(PlaceOrder { order, token }))
    }
}

impl EnteredLineBody {
    fn parse(&self) -> Result<RequestedLine, Malformed> {
        let amounts = (self.unit_price.as_ref(), self.discount.as_ref(), self.tax.as_ref());
        line(&self.sku, self.quantity, amounts)
    }
}

/// A line with the price, the discount and the tax that the seller states.
pub(super) fn line(
    sku: &str,
    quantity: i64,
    (unit_price, discount, tax): (Option<&PriceBody>, Option<&PriceBody>, Option<&PriceBody>),
) -> Result<RequestedLine, Malformed> {
    let terms = LineTerms { unit_price: amount(unit_price)?, discount: amount(discount)?, tax: amount(tax)? };
    Ok(RequestedLine { sku: Sku::parse(sku)?, quantity: Quantity::new(quantity)?, shown: None, terms })
}

/// What the seller states of an order: what is taken off, shipping, tax, and what it comes to.
pub(super) fn terms(stated: [&Option<PriceBody>; 4]) -> Result<OrderTerms, Malformed> {
    let [discount, shipping, tax, total] = stated.map(|body| amount(body.as_ref()));
    Ok(OrderTerms { discount: discount?, shipping: shipping?, tax: tax?, total: total?, paid: None })
}

pub(super) fn amount(body: Option<&PriceBody>) -> Result<Option<kernel::Money>, Malformed> {
    body.map(PriceBody::money).transpose()
}
