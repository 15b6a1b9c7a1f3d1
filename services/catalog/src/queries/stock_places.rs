//! Where the pieces of one SKU are, and which places would serve an order.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::location::PlaceLevel;
use crate::domain::serving::{Demand, Portion, ServingRule, serving};
use crate::domain::stock::StockKey;
use crate::error::Error;
use crate::projections;

/// Asks where the pieces of a SKU are.
#[derive(Debug, Clone)]
pub struct FindStockPlaces {
    /// The SKU, or its variant.
    pub key: StockKey,
    /// The pieces of the order that is asked about.
    pub pieces: i64,
}

/// Where the pieces of a SKU are.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StockPlaces {
    /// The default location, and those that have or had pieces; those that serve first in front.
    items: Vec<PlaceLevel>,
    /// How the organisation chooses the places that serve an order.
    rule: ServingRule,
    /// Which of them would serve one more order of so many pieces; several only where none has all.
    serving: Vec<Portion>,
}

#[derive(QueryableByName)]
struct LevelRow {
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = Integer)]
    priority: i32,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = BigInt)]
    promised: i64,
}

impl Query for FindStockPlaces {
    const NAME: &'static str = "catalog.find-stock-places";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = StockPlaces;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<StockPlaces, Error> {
        let organisation = read.organisation();
        let sku = projections::stock::sku_of(read.connection(), organisation, &self.key).await?;
        let rows: Vec<LevelRow> = statement(
            "with elsewhere as (
               select c.location, l.priority, l.active, c.on_hand, c.promised
               from location_levels c join locations l on l.org_id = c.org_id and l.code = c.location
               where c.org_id = $1 and c.sku = $2
             )
             select p.location, p.priority, p.active, p.on_hand, p.promised from (
               select 'default' as location, 0 as priority, true as active, s.on_hand - s.located as on_hand,
                      greatest(s.reserved + s.held - coalesce((select sum(promised)::bigint from elsewhere), 0), 0) as promised
               from stock s where s.org_id = $1 and s.sku = $2
               union all
               select * from elsewhere) p
             order by p.priority, p.on_hand desc, p.location",
        )
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<Text, _>(sku.as_str())
        .load(read.connection())
        .await?;
        if rows.is_empty() {
            return Err(Error::StockNotFound { key: self.key.clone() });
        }
        let items: Vec<PlaceLevel> = rows.into_iter().map(PlaceLevel::from).collect();
        let rule = projections::serving::settings(read.connection(), organisation).await?.serving_rule;
        let mut lines = serving(rule, &[Demand { pieces: self.pieces, places: &items }]);
        let serving = lines.pop().unwrap_or_default();
        Ok(StockPlaces { items, rule, serving })
    }
}

impl From<LevelRow> for PlaceLevel {
    fn from(row: LevelRow) -> Self {
        let LevelRow { location, priority, active, on_hand, promised } = row;
        Self { location, priority, active, on_hand, promised }
    }
}
