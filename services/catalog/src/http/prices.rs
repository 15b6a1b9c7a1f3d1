//! Prices of variants for staff: their history, adding and ending them, and what a variant costs at a time.

use kernel::{ChannelCode, Clock, Cursor, Malformed, Page, PageSize, PriceId, Timestamp, VariantId};
use rest::{App, Body, IdempotencyKey, Path, PriceBody, Problem, Query, Recorded, Staff, State, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::add_price::AddPrice;
use crate::commands::end_price::EndPrice;
use crate::domain::price::{NewPrice, PriceEntry};
use crate::processes::invalidation::StaleProducts;
use crate::queries::find_price::{FindPrice, PriceAnswer};
use crate::queries::list_prices::ListPrices;

/// The variant.
#[derive(Deserialize, JsonSchema)]
pub(super) struct VariantPath {
    variant: VariantId,
}

/// One price of the variant.
#[derive(Deserialize, JsonSchema)]
pub(super) struct PricePath {
    variant: VariantId,
    price: PriceId,
}

/// A page of the history.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFilter {
    /// Whether only what is planned or current is listed.
    #[serde(default)]
    open: bool,
    /// `next_cursor` of the previous page.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 by default.
    #[serde(default)]
    limit: PageSize,
}

/// Where and when.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceQuestion {
    /// The sales channel; `shop`, the organisation's own one, when left out.
    channel: Option<ChannelCode>,
    /// The time as RFC 3339 writes it; now when left out.
    at: Option<Moment>,
}

/// A time in an address.
#[derive(Debug, Clone, Copy)]
struct Moment(Timestamp);

/// A price for a while.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AddPriceBody {
    /// The price of one piece, in the currency of the product's prices.
    #[garde(dive)]
    price: PriceBody,
    /// The sales channel that it is for; every channel when left out.
    #[garde(inner(custom(parses(ChannelCode::parse))))]
    #[schemars(with = "Option<ChannelCode>")]
    channel: Option<String>,
    /// When it begins, as RFC 3339 writes it, at most ten years ahead; at once when left out.
    #[garde(inner(custom(parses(Clock::parse))))]
    #[schemars(with = "Option<Timestamp>")]
    valid_from: Option<String>,
    /// When it ends, later than it begins and at most ten years ahead; not by itself when left out.
    #[garde(inner(custom(parses(Clock::parse))))]
    #[schemars(with = "Option<Timestamp>")]
    valid_until: Option<String>,
}

pub(super) async fn list(
    app: App,
    by: Staff,
    Path(at): Path<VariantPath>,
    Query(filter): Query<PriceFilter>,
) -> Result<rest::Ok<Page<PriceEntry>>, Problem> {
    let PriceFilter { open, cursor, limit: size } = filter;
    Ok(rest::Ok(app.ask(&by, ListPrices { variant: at.variant, open, cursor, size }).await?))
}

pub(super) async fn add(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<VariantPath>,
    key: IdempotencyKey,
    Body(body): Body<AddPriceBody>,
) -> Result<Recorded<PriceEntry>, Problem> {
    let command = body.command(at.variant)?;
    let added: Recorded<PriceEntry> = app.create(&by, &key, &body, command, location).await?;
    stale.note_and_wait(added.reply().map(|entry| (by.organisation(), entry.product))).await;
    Ok(added)
}

pub(super) async fn end(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<PricePath>,
) -> Result<rest::Ok<PriceEntry>, Problem> {
    let ended = app.send(&by, EndPrice { variant: at.variant, price: at.price }).await?;
    stale.note_and_wait([(by.organisation(), ended.product)]).await;
    Ok(rest::Ok(ended))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<VariantPath>,
    Query(question): Query<PriceQuestion>,
) -> Result<rest::Ok<PriceAnswer>, Problem> {
    let channel = question.channel.unwrap_or_else(ChannelCode::shop);
    let query = FindPrice { variant: at.variant, channel, at: question.at.map(|moment| moment.0) };
    Ok(rest::Ok(app.ask(&by, query).await?))
}

fn location(entry: &PriceEntry) -> String {
    format!("/admin/v1/variants/{}/prices", entry.variant)
}

impl AddPriceBody {
    fn command(&self, variant: VariantId) -> Result<AddPrice, Malformed> {
        let Self { price, channel, valid_from, valid_until } = self;
        let sent =
            SentWindow { channel: channel.as_deref(), from: valid_from.as_deref(), until: valid_until.as_deref() };
        Ok(AddPrice { variant, price: sent.price(price)? })
    }
}

/// Where and when a price is to count, as a body says it, alone or in a row of many.
pub(super) struct SentWindow<'b> {
    pub(super) channel: Option<&'b str>,
    pub(super) from: Option<&'b str>,
    pub(super) until: Option<&'b str>,
}

impl SentWindow<'_> {
    /// Whether it says nothing: the price counts everywhere and at all times.
    pub(super) fn is_unbounded(&self) -> bool {
        self.channel.is_none() && self.from.is_none() && self.until.is_none()
    }

    pub(super) fn price(&self, amount: &PriceBody) -> Result<NewPrice, Malformed> {
        Ok(NewPrice {
            channel: self.channel.map(ChannelCode::parse).transpose()?,
            amount: amount.money()?,
            from: self.from.map(Clock::parse).transpose()?,
            until: self.until.map(Clock::parse).transpose()?,
        })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Clock::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Timestamp::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Timestamp::json_schema(generator)
    }
}
