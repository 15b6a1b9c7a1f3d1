//! Stock for staff: what there is, what changed it, and changing it.

use contracts::catalog::Backorder;
use kernel::{Cursor, Day, Malformed, Page, PageSize, Quantity, Slug};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rest::{App, Body, IdempotencyKey, Path, Problem, Query, Recorded, Staff, State, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::adjust_stock::AdjustStock;
use crate::commands::count_stock::CountStock;
use crate::commands::transfer_stock::TransferStock;
use crate::domain::availability::promised_day;
use crate::domain::explanation::Explanation;
use crate::domain::location::{LevelChange, Place};
use crate::domain::stock::{Adjustment, StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::processes::invalidation::StaleProducts;
use crate::queries::explain_stock::ExplainStock;
use crate::queries::find_stock::FindStock;
use crate::queries::list_movements::{ListMovements, MovementView};
use crate::queries::stock_places::{FindStockPlaces, StockPlaces};

/// Everything that is escaped in a path segment: all but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The stock level.
#[derive(Deserialize, JsonSchema)]
pub(super) struct StockPath {
    /// The SKU, with everything but letters, digits, `-`, `.`, `_` and `~` escaped (`AB%2F1`), or the id of its variant.
    sku: StockKey,
}

/// A page of the ledger.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MovementFilter {
    /// `next_cursor` of the previous page.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 by default.
    #[serde(default)]
    limit: PageSize,
}

/// How to change the stock: one of `delta` and `set`, or neither to change only the terms that it is sold on.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustStockBody {
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
    /// The location; the default one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Place::parse))))]
    #[schemars(with = "Option<Slug>")]
    location: Option<String>,
}

/// What may be sold beyond what is there.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct BackorderBody {
    /// Nothing, a number of pieces, or any number.
    #[garde(skip)]
    policy: BackorderPolicy,
    /// The most pieces that are owed at a time; with `up-to`, and only there.
    #[garde(range(min = 1, max = 1_000_000_000), custom(holds(self.limit())))]
    pieces: Option<i64>,
    /// The day by which they are there (`2027-01-31`); needed with `unlimited`, possible with `up-to`.
    #[garde(custom(holds(self.day())))]
    #[schemars(with = "Option<Day>", extend("maxLength" = 10))]
    promised_on: Option<String>,
}

/// How much may be sold beyond what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BackorderPolicy {
    /// Nothing.
    No,
    /// A number of pieces.
    UpTo,
    /// Any number.
    Unlimited,
}

/// What somebody counted.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CountStockBody {
    /// The pieces that are in the house now, those of orders that have not left yet included.
    #[garde(range(min = 0, max = 1_000_000_000))]
    counted: i64,
    /// The location; the default one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Place::parse))))]
    #[schemars(with = "Option<Slug>")]
    location: Option<String>,
    /// What there is to say about it, for the ledger; up to 200 characters.
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// What goes from one place to another.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferStockBody {
    /// The location where the pieces are; the default one when left out.
    #[garde(inner(custom(parses(Place::parse))))]
    #[schemars(with = "Option<Slug>")]
    from: Option<String>,
    /// The location where they go; the default one when left out. Not the same.
    #[garde(inner(custom(parses(Place::parse))), custom(holds(self.ways())))]
    #[schemars(with = "Option<Slug>")]
    to: Option<String>,
    /// How many go.
    #[garde(range(min = 1, max = 1_000_000_000))]
    pieces: i64,
    /// What there is to say about it, for the ledger; up to 200 characters.
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// An order that is asked about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServedPieces {
    /// Its pieces, 1 to 1,000,000; 1 by default.
    #[serde(default)]
    pieces: Option<Quantity>,
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<StockPath>) -> Result<rest::Ok<StockItem>, Problem> {
    Ok(rest::Ok(app.ask(&by, FindStock { key: at.sku }).await?))
}

pub(super) async fn adjust(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<StockPath>,
    key: IdempotencyKey,
    Body(body): Body<AdjustStockBody>,
) -> Result<Recorded<StockItem>, Problem> {
    let command = body.command(at.sku)?;
    let adjusted = app.create(&by, &key, &body, command, location).await?;
    stale.note_and_wait(adjusted.reply().map(|item: &StockItem| (by.organisation(), item.product()))).await;
    Ok(adjusted)
}

pub(super) async fn count(
    app: App,
    State(stale): State<StaleProducts>,
    by: Staff,
    Path(at): Path<StockPath>,
    key: IdempotencyKey,
    Body(body): Body<CountStockBody>,
) -> Result<Recorded<StockItem>, Problem> {
    let remark = Remark::parse(body.reason.as_deref().unwrap_or_default())?;
    let place = Place::named(body.location.as_deref())?;
    let command = CountStock { key: at.sku, place, counted: body.counted, remark };
    let counted = app.create(&by, &key, &body, command, location).await?;
    stale.note_and_wait(counted.reply().map(|item: &StockItem| (by.organisation(), item.product()))).await;
    Ok(counted)
}

pub(super) async fn transfer(
    app: App,
    by: Staff,
    Path(at): Path<StockPath>,
    key: IdempotencyKey,
    Body(body): Body<TransferStockBody>,
) -> Result<Recorded<StockItem>, Problem> {
    let command = body.command(at.sku)?;
    app.create(&by, &key, &body, command, location).await
}

pub(super) async fn places(
    app: App,
    by: Staff,
    Path(at): Path<StockPath>,
    Query(order): Query<ServedPieces>,
) -> Result<rest::Ok<StockPlaces>, Problem> {
    let pieces = order.pieces.map_or(1, Quantity::get);
    Ok(rest::Ok(app.ask(&by, FindStockPlaces { key: at.sku, pieces }).await?))
}

pub(super) async fn explain(app: App, by: Staff, Path(at): Path<StockPath>) -> Result<rest::Ok<Explanation>, Problem> {
    Ok(rest::Ok(app.ask(&by, ExplainStock { key: at.sku }).await?))
}

pub(super) async fn movements(
    app: App,
    by: Staff,
    Path(at): Path<StockPath>,
    Query(filter): Query<MovementFilter>,
) -> Result<rest::Ok<Page<MovementView>>, Problem> {
    let query = ListMovements { key: at.sku, cursor: filter.cursor, size: filter.limit };
    Ok(rest::Ok(app.ask(&by, query).await?))
}

/// What an adjustment, a count or a transfer creates is an entry of the ledger.
fn location(item: &StockItem) -> String {
    format!("/admin/v1/stock/{}/movements", utf8_percent_encode(item.sku().as_str(), SEGMENT))
}

/// What a body says of one level, alone or in a row of many.
pub(super) struct SentLevel<'b> {
    pub(super) delta: Option<i64>,
    pub(super) set: Option<i64>,
    pub(super) low_threshold: Option<i64>,
    pub(super) safety_stock: Option<i64>,
    pub(super) backorder: Option<&'b BackorderBody>,
    pub(super) location: Option<&'b str>,
}

impl SentLevel<'_> {
    /// What the figures say together. With neither, something else has to change.
    pub(super) fn adjustment(&self) -> Result<Adjustment, Malformed> {
        let changes_terms = self.low_threshold.is_some() || self.safety_stock.is_some() || self.backorder.is_some();
        match (self.delta, self.set) {
            (Some(delta), None) => Ok(Adjustment::Delta(delta)),
            (None, Some(pieces)) => Ok(Adjustment::Set(pieces)),
            (None, None) if changes_terms => Ok(Adjustment::Unchanged),
            (None, None) => {
                Err(Malformed::new("delta", "is needed, or set, or low_threshold, safety_stock or backorder"))
            }
            (Some(_), Some(_)) => Err(Malformed::new("delta", "cannot stand beside set")),
        }
    }

    /// The change of the level.
    pub(super) fn change(&self) -> Result<LevelChange, Malformed> {
        Ok(LevelChange {
            place: Place::named(self.location)?,
            adjustment: self.adjustment()?,
            low_threshold: self.low_threshold,
            safety_stock: self.safety_stock,
            backorder: self.backorder.map(BackorderBody::backorder).transpose()?,
        })
    }
}

impl AdjustStockBody {
    fn level(&self) -> SentLevel<'_> {
        let Self { delta, set, low_threshold, safety_stock, .. } = *self;
        let (backorder, location) = (self.backorder.as_ref(), self.location.as_deref());
        SentLevel { delta, set, low_threshold, safety_stock, backorder, location }
    }

    fn command(&self, key: StockKey) -> Result<AdjustStock, Malformed> {
        let remark = Remark::parse(self.reason.as_deref().unwrap_or_default())?;
        Ok(AdjustStock { key, change: self.level().change()?, remark })
    }
}

impl TransferStockBody {
    /// From where to where.
    fn ways(&self) -> Result<(Place, Place), Malformed> {
        let (from, to) = (Place::named(self.from.as_deref())?, Place::named(self.to.as_deref())?);
        if from == to {
            return Err(Malformed::new("to", "must be another location than the one where the pieces are"));
        }
        Ok((from, to))
    }

    fn command(&self, key: StockKey) -> Result<TransferStock, Malformed> {
        let remark = Remark::parse(self.reason.as_deref().unwrap_or_default())?;
        let (from, to) = self.ways()?;
        Ok(TransferStock { key, from, to, pieces: self.pieces, remark })
    }
}

impl BackorderBody {
    /// The pieces, which stand with `up-to` and only there; 0 otherwise.
    fn limit(&self) -> Result<i64, Malformed> {
        match (self.policy, self.pieces) {
            (BackorderPolicy::UpTo, Some(pieces)) => Ok(pieces),
            (BackorderPolicy::UpTo, None) => Err(Malformed::new("pieces", "is needed with the policy up-to")),
            (_, Some(_)) => Err(Malformed::new("pieces", "stands with the policy up-to only")),
            (_, None) => Ok(0),
        }
    }

    /// The promised day, which does not stand with `no`.
    fn day(&self) -> Result<Option<Day>, Malformed> {
        match (self.policy, self.promised_on.as_deref().map(promised_day).transpose()?) {
            (BackorderPolicy::No, Some(_)) => Err(Malformed::new("promised_on", "does not stand with the policy no")),
            (BackorderPolicy::Unlimited, None) => {
                Err(Malformed::new("promised_on", "is needed with the policy unlimited"))
            }
            (_, day) => Ok(day),
        }
    }

    /// What it says.
    pub(super) fn backorder(&self) -> Result<Backorder, Malformed> {
        let (pieces, promised_on) = (self.limit()?, self.day()?);
        let needed = || Malformed::new("promised_on", "is needed with the policy unlimited");
        Ok(match self.policy {
            BackorderPolicy::No => Backorder::No,
            BackorderPolicy::UpTo => Backorder::UpTo { pieces, promised_on },
            BackorderPolicy::Unlimited => Backorder::Unlimited { promised_on: promised_on.ok_or_else(needed)? },
        })
    }
}
