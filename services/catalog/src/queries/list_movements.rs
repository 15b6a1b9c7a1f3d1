//! The ledger of one SKU, the latest first.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Cursor, OrderId, Page, PageSize, Timestamp};
use mediator::{Query, Tenant};
use persistence::{ReadConn, limited};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::stock::StockKey;
use crate::error::Error;
use crate::projections;
use crate::schema::movements;

/// Asks for a page of the ledger of a SKU.
#[derive(Debug, Clone)]
pub struct ListMovements {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// How many entries it has at most.
    pub size: PageSize,
}

/// One entry of the ledger.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MovementView {
    #[serde(skip)]
    position: i64,
    /// `adjust`, `count`, `transfer`, `reserve`, `hold`, `release` or `expire`.
    kind: String,
    /// Change of the pieces in the house.
    on_hand: i64,
    /// Change of the pieces that wait for their order's confirmation.
    reserved: i64,
    /// Change of the pieces of confirmed orders.
    held: i64,
    /// The order, where one is the cause.
    order: Option<OrderId>,
    /// The location where the pieces came or went; none is the default one, or an order, which takes from the sum.
    location: Option<String>,
    /// The reason that was given with an adjustment, a count or a transfer.
    reason: String,
    /// Who caused it.
    actor: String,
    /// When it happened.
    occurred_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = movements)]
struct MovementRow {
    movement_id: i64,
    kind: String,
    on_hand_delta: i64,
    reserved_delta: i64,
    held_delta: i64,
    order_id: Option<Uuid>,
    location: Option<String>,
    reason: String,
    actor: String,
    occurred_at: Timestamp,
}

impl Query for ListMovements {
    const NAME: &'static str = "catalog.list-movements";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Page<MovementView>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<MovementView>, Error> {
        let list = read.list("movements", &self.key.to_string()).await?;
        let before: i64 = list.mark(self.cursor.as_ref())?.unwrap_or(i64::MAX);
        let organisation = read.organisation();
        // The ledger's index has SKUs. What is unknown has no movements.
        let sku = match projections::stock::sku_of(read.connection(), organisation, &self.key).await {
            Ok(sku) => sku.to_string(),
            Err(Error::StockNotFound { .. }) => String::new(),
            Err(error) => return Err(error),
        };
        let newest = movements::table
            .filter(movements::org_id.eq(organisation.uuid()))
            .filter(movements::sku.eq(sku))
            .filter(movements::movement_id.lt(before))
            .order_by(movements::movement_id.desc())
            .select(MovementRow::as_select());
        let rows: Vec<MovementRow> = limited(newest, self.size).load(read.connection()).await?;
        let items = rows.into_iter().map(MovementView::from).collect();
        Ok(list.page(items, self.size, |last: &MovementView| last.position)?)
    }
}

impl From<MovementRow> for MovementView {
    fn from(row: MovementRow) -> Self {
        Self {
            position: row.movement_id,
            kind: row.kind,
            on_hand: row.on_hand_delta,
            reserved: row.reserved_delta,
            held: row.held_delta,
            order: row.order_id.map(OrderId::from_uuid),
            location: row.location,
            reason: row.reason,
            actor: row.actor,
            occurred_at: row.occurred_at,
        }
    }
}
