//! Stock for staff: what there is, what changed it, and changing it.

use kernel::{Cursor, Page, PageSize, Sku};
use rest::{App, Body, Faults, IdempotencyKey, Path, Problem, Query, Recorded, Staff};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::written::segment;
use crate::commands::adjust_stock::{AdjustStock, Adjustment};
use crate::domain::stock::StockItem;
use crate::queries::find_stock::FindStock;
use crate::queries::list_movements::{ListMovements, MovementView};

/// Which SKU.
#[derive(Deserialize, JsonSchema)]
pub(super) struct StockPath {
    sku: Sku,
}

/// Which page of the ledger.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MovementFilter {
    /// `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 when not said.
    #[serde(default, deserialize_with = "super::shop::page_size")]
    #[schemars(with = "Option<PageSize>")]
    limit: PageSize,
}

/// How to change the stock: one of `delta` and `set`, or neither to change the threshold alone.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustStockBody {
    /// This many more, or fewer when it is negative.
    #[garde(range(min = -1_000_000_000, max = 1_000_000_000))]
    delta: Option<i64>,
    /// This many, however many there were.
    #[garde(range(min = 0, max = 1_000_000_000))]
    set: Option<i64>,
    /// Why, for the ledger; up to 200 characters.
    #[garde(inner(length(chars, max = 200)))]
    #[schemars(length(max = 200))]
    reason: Option<String>,
    /// A warning comes when this many or fewer are available.
    #[garde(range(min = 0, max = 1_000_000_000))]
    low_threshold: Option<i64>,
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<StockPath>) -> Result<rest::Ok<StockItem>, Problem> {
    Ok(rest::Ok(app.ask(&by, FindStock { sku: at.sku }).await?))
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
    let query = ListMovements { sku: at.sku, cursor: filter.cursor, size: filter.limit };
    Ok(rest::Ok(app.ask(&by, query).await?))
}

/// What the adjustment created is an entry of the ledger.
fn location(item: &StockItem) -> Option<String> {
    Some(format!("/admin/v1/stock/{}/movements", segment(item.sku().as_str())))
}

impl AdjustStockBody {
    fn command(&self, sku: Sku) -> Result<AdjustStock, Problem> {
        let mut faults = Faults::new();
        let adjustment = match (self.delta, self.set) {
            (Some(delta), None) => Some(Adjustment::Delta(delta)),
            (None, Some(pieces)) => Some(Adjustment::Set(pieces)),
            (None, None) if self.low_threshold.is_some() => Some(Adjustment::Keep),
            (None, None) => {
                faults.add("delta", "is needed, or set, or low_threshold");
                None
            }
            (Some(_), Some(_)) => {
                faults.add("set", "cannot stand beside delta");
                None
            }
        };
        let reason = self.reason.clone().unwrap_or_default();
        let low_threshold = self.low_threshold;
        faults.build(|| Some(AdjustStock { sku, adjustment: adjustment?, reason, low_threshold }))
    }
}
