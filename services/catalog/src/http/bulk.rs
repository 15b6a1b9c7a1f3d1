//! Many rows in one call, for staff. A body is held to bounds only where its rows are answered one by one: what is wrong with a row
//! is said of that row, in the reply.

use kernel::{ChannelCode, Clock, Malformed, Sku, Slug, Timestamp};
use rest::{App, Body, IdempotencyKey, PriceBody, Problem, Recorded, Staff, State, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::prices::SentWindow;
use super::stock::{BackorderBody, SentLevel};
use crate::commands::adjust_levels::{AdjustLevels, LevelAdjustment};
use crate::commands::set_prices::{SentPrice, SetPrices};
use crate::domain::import::{ImportedProduct, UpsertedProducts};
use crate::domain::locale::DefaultLocale;
use crate::domain::location::Place;
use crate::domain::price::WrittenPrices;
use crate::domain::product::SetPrice;
use crate::domain::stock::AdjustedLevels;
use crate::domain::wording::Remark;
use crate::processes::import::call::{self, SentRow};
use crate::processes::invalidation::StaleProducts;

/// Products to create or to update.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkProductsBody {
    /// 1 to 1,000 products, with at most 5,000 variants in all, as the rows of an import say them: found by `slug` and `sku`, created
    /// where they are missing; fields that are left out stay as they are, and null clears one. A product that is wrong is reported and not written.
    #[garde(length(min = 1, max = 1_000))]
    #[schemars(length(min = 1, max = 1000), with = "Vec<ImportedProduct>")]
    products: Vec<SentRow>,
    /// Whether nothing is written when one product is refused.
    #[garde(skip)]
    #[serde(default)]
    all_or_nothing: bool,
}

/// Stock levels to set or to adjust.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkStockBody {
    /// 1 to 1,000 levels. A SKU may stand more than once; its rows are taken in their order.
    #[garde(length(min = 1, max = 1_000), dive)]
    levels: Vec<LevelBody>,
    /// Whether nothing is changed when one level is refused.
    #[garde(skip)]
    #[serde(default)]
    all_or_nothing: bool,
}

/// How to change one level: one of `delta` and `set`, or neither to change only the terms that it is sold on.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelBody {
    /// The SKU. One that no product has is reported.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// This many more, or fewer when it is negative.
    #[garde(
        range(min = -1_000_000_000, max = 1_000_000_000),
        custom(holds(self.level().adjustment()))
    )]
    delta: Option<i64>,
    /// This many at the location, however many there were; without a location at the default one, not in sum.
    #[garde(range(min = 0, max = 1_000_000_000))]
    set: Option<i64>,
    /// Why, for the ledger; up to 200 characters.
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
    /// A warning comes when this many or fewer are available.
    #[garde(range(min = 0, max = 1_000_000_000))]
    low_threshold: Option<i64>,
    /// Pieces that are kept back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1_000_000_000))]
    safety_stock: Option<i64>,
    /// What may be sold beyond what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    backorder: Option<BackorderBody>,
    /// The location; the default one when left out. One that does not exist is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Place::parse))))]
    #[schemars(with = "Option<Slug>")]
    location: Option<String>,
}

/// Prices to set.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkPricesBody {
    /// 1 to 1,000 prices. A SKU may stand more than once, with its base price in one row at most.
    #[garde(length(min = 1, max = 1_000), dive)]
    prices: Vec<SkuPriceBody>,
    /// Whether nothing is written when one price is refused.
    #[garde(skip)]
    #[serde(default)]
    all_or_nothing: bool,
}

/// What one SKU costs: always and everywhere when only `price` is given, which sets the base price, and otherwise in a channel, for a
/// while, or both.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct SkuPriceBody {
    /// The SKU. One that no product has is reported.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
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

pub(super) async fn products(
    app: App,
    State(stale): State<StaleProducts>,
    State(texts): State<DefaultLocale>,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<BulkProductsBody, 8_388_608>,
) -> Result<Recorded<UpsertedProducts>, Problem> {
    let command = call::read(&body.products, body.all_or_nothing, &texts).await;
    let done: Recorded<_> = app.create(&by, &key, &body, command, |_| "/admin/v1/products".to_owned()).await?;
    let written = done.reply().into_iter().flat_map(UpsertedProducts::written);
    stale.note_and_wait(written.map(|product| (by.organisation(), product))).await;
    Ok(done)
}

pub(super) async fn stock(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<BulkStockBody, 1_048_576>,
) -> Result<Recorded<AdjustedLevels>, Problem> {
    let command = body.command()?;
    let done: Recorded<_> = app.create(&by, &key, &body, command, |_| "/admin/v1/variants".to_owned()).await?;
    let changed = done.reply().into_iter().flat_map(AdjustedLevels::products);
    stale.note_and_wait(changed.map(|product| (by.organisation(), product))).await;
    Ok(done)
}

pub(super) async fn prices(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<BulkPricesBody, 1_048_576>,
) -> Result<Recorded<WrittenPrices>, Problem> {
    let command = body.command()?;
    let done: Recorded<_> = app.create(&by, &key, &body, command, |_| "/admin/v1/variants".to_owned()).await?;
    let changed = done.reply().into_iter().flat_map(WrittenPrices::products);
    stale.note_and_wait(changed.map(|product| (by.organisation(), product))).await;
    Ok(done)
}

impl BulkPricesBody {
    fn command(&self) -> Result<SetPrices, Malformed> {
        let prices = self.prices.iter().map(SkuPriceBody::sent).collect::<Result<_, _>>()?;
        Ok(SetPrices { prices, all_or_nothing: self.all_or_nothing })
    }
}

impl SkuPriceBody {
    fn sent(&self) -> Result<SentPrice, Malformed> {
        let Self { price, channel, valid_from, valid_until, .. } = self;
        let sent =
            SentWindow { channel: channel.as_deref(), from: valid_from.as_deref(), until: valid_until.as_deref() };
        let price = match sent.is_unbounded() {
            true => SetPrice::Base(price.money()?),
            false => SetPrice::Window(sent.price(price)?),
        };
        Ok(SentPrice { sku: Sku::parse(&self.sku)?, price })
    }
}

impl BulkStockBody {
    fn command(&self) -> Result<AdjustLevels, Malformed> {
        let levels = self.levels.iter().map(LevelBody::adjustment).collect::<Result<_, _>>()?;
        Ok(AdjustLevels { levels, all_or_nothing: self.all_or_nothing })
    }
}

impl LevelBody {
    fn adjustment(&self) -> Result<LevelAdjustment, Malformed> {
        let remark = Remark::parse(self.reason.as_deref().unwrap_or_default())?;
        Ok(LevelAdjustment { sku: Sku::parse(&self.sku)?, change: self.level().change()?, remark })
    }

    fn level(&self) -> SentLevel<'_> {
        let Self { delta, set, low_threshold, safety_stock, .. } = *self;
        let (backorder, location) = (self.backorder.as_ref(), self.location.as_deref());
        SentLevel { delta, set, low_threshold, safety_stock, backorder, location }
    }
}
