//! Stock for staff: what there is, what changed it, and changing it.

use kernel::{Cursor, Malformed, Page, PageSize};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rest::{App, Body, IdempotencyKey, Path, Problem, Query, Recorded, Staff, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::adjust_stock::AdjustStock;
use crate::domain::stock::{Adjustment, StockItem, StockKey};
use crate::domain::wording::Remark;
use crate::queries::find_stock::FindStock;
use crate::queries::list_movements::{ListMovements, MovementView};

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

/// How to change the stock: one of `delta` and `set`, or neither to change the threshold alone.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustStockBody {
    /// This many more, or fewer when it is negative.
    #[garde(range(min = -1_000_000_000, max = 1_000_000_000), custom(holds(adjustment(self.delta, self.set, self.low_threshold))))]
    delta: Option<i64>,
    /// This many, however many there were.
    #[garde(range(min = 0, max = 1_000_000_000))]
    set: Option<i64>,
    /// Why, for the ledger; up to 200 characters.
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
    /// A warning comes when this many or fewer are available.
    #[garde(range(min = 0, max = 1_000_000_000))]
    low_threshold: Option<i64>,
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<StockPath>) -> Result<rest::Ok<StockItem>, Problem> {
    Ok(rest::Ok(app.ask(&by, FindStock { key: at.sku }).await?))
}

pub(super) async fn adjust(
    app: App,
    by: Staff,
    Path(at): Path<StockPath>,
    key: IdempotencyKey,
    Body(body): Body<AdjustStockBody>,
) -> Result<Recorded<StockItem>, Problem> {
    let command = body.command(at.sku)?;
    app.create(&by, &key, &body, command, location).await
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

/// What an adjustment creates is an entry of the ledger.
fn location(item: &StockItem) -> String {
    format!("/admin/v1/stock/{}/movements", utf8_percent_encode(item.sku().as_str(), SEGMENT))
}

/// What the three figures of an adjustment say together.
pub(super) fn adjustment(
    delta: Option<i64>,
    set: Option<i64>,
    low_threshold: Option<i64>,
) -> Result<Adjustment, Malformed> {
    match (delta, set) {
        (Some(delta), None) => Ok(Adjustment::Delta(delta)),
        (None, Some(pieces)) => Ok(Adjustment::Set(pieces)),
        (None, None) if low_threshold.is_some() => Ok(Adjustment::Unchanged),
        (None, None) => Err(Malformed::new("delta", "is needed, or set, or low_threshold")),
        (Some(_), Some(_)) => Err(Malformed::new("delta", "cannot stand beside set")),
    }
}

impl AdjustStockBody {
    fn command(&self, key: StockKey) -> Result<AdjustStock, Malformed> {
        let remark = Remark::parse(self.reason.as_deref().unwrap_or_default())?;
        let adjustment = adjustment(self.delta, self.set, self.low_threshold)?;
        Ok(AdjustStock { key, adjustment, remark, low_threshold: self.low_threshold })
    }
}
