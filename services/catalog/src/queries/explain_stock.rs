//! Why so many pieces of a SKU are available: its stock and the sums of its ledger, read at one moment.
//! The rule: however long a ledger is, the answer costs the same. The database keeps its sums, and of its entries the newest
//! thousand are looked through.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Day, OrderId, ProductId, Timestamp, VariantId};
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::availability::{Stock, Terms};
use crate::domain::explanation::{Explained, Explanation, KindSum, OpenOrder};
use crate::domain::stock::{Level, StockKey};
use crate::error::Error;
use crate::projections;

/// Asks why so many pieces of a SKU are available.
#[derive(Debug, Clone)]
pub struct ExplainStock {
    /// The SKU, or its variant.
    pub key: StockKey,
}

#[derive(QueryableByName)]
struct ExplainedRow {
    #[diesel(sql_type = SqlUuid)]
    variant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = BigInt)]
    on_hand: i64,
    #[diesel(sql_type = BigInt)]
    reserved: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    low_threshold: i64,
    #[diesel(sql_type = BigInt)]
    located: i64,
    #[diesel(sql_type = BigInt)]
    safety_stock: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    backorder_limit: Option<i64>,
    #[diesel(sql_type = Nullable<Date>)]
    promised_on: Option<Day>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
    /// A JSON array of `SumRow`.
    #[diesel(sql_type = Text)]
    sums: String,
    /// A JSON array of `OrderRow`.
    #[diesel(sql_type = Text)]
    orders: String,
}

#[derive(Deserialize)]
struct SumRow {
    kind: String,
    entries: i64,
    on_hand: i64,
    reserved: i64,
    held: i64,
    last_at: Timestamp,
}

#[derive(Deserialize)]
struct OrderRow {
    order: Uuid,
    confirmed: bool,
    pieces: i64,
    since: Timestamp,
    expires_at: Option<Timestamp>,
}

impl Query for ExplainStock {
    const NAME: &'static str = "catalog.explain-stock";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Explanation;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Explanation, Error> {
        let organisation = read.organisation();
        let sku = projections::stock::sku_of(read.connection(), organisation, &self.key).await?;
        // One statement, so that level and ledger are of one moment. A SKU that everybody wants has millions of movements.
        let rows: Vec<ExplainedRow> = statement(
            "select s.variant_id, v.product_id, s.on_hand, s.reserved, s.held, s.low_threshold, s.located, s.safety_stock,
                    s.backorder_limit, s.promised_on, s.version, s.updated_at,
                    (select coalesce(json_agg(m), '[]')::text from (
                       select kind, entries, on_hand, reserved, held, last_at
                       from ledger_sums where org_id = $1 and sku = $2) m) as sums,
                    (select coalesce(json_agg(o order by o.since desc), '[]')::text from (
                       select l.order_id as \"order\", r.state = 'held' as confirmed, p.pieces, l.occurred_at as since,
                              r.expires_at
                       from (select distinct on (order_id) order_id, occurred_at
                             from (select * from movements where org_id = $1 and sku = $2
                                   order by movement_id desc limit 1000) recent
                             where order_id is not null order by order_id, movement_id desc) l
                       join reservations r on r.org_id = $1 and r.order_id = l.order_id and r.state in ('reserved', 'held')
                       cross join lateral (select (line ->> 'quantity')::bigint as pieces
                                           from jsonb_array_elements(r.lines) line where line ->> 'sku' = $2) p
                       where p.pieces > 0 order by l.occurred_at desc limit 20) o) as orders
             from stock s join variants v on v.org_id = s.org_id and v.variant_id = s.variant_id
             where s.org_id = $1 and s.sku = $2",
        )
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<Text, _>(sku.as_str())
        .load(read.connection())
        .await?;
        let row = rows.into_iter().next().ok_or_else(|| Error::StockNotFound { key: self.key.clone() })?;
        let corrupt = |cause| Error::corrupt("ledger", cause);
        let sums: Vec<SumRow> = serde_json::from_str(&row.sums).map_err(corrupt)?;
        let orders: Vec<OrderRow> = serde_json::from_str(&row.orders).map_err(corrupt)?;
        let terms = Terms::restore(row.low_threshold, row.safety_stock, row.backorder_limit, row.promised_on)
            .map_err(|cause| Error::corrupt("stock level", cause))?;
        let explained = Explained {
            sku,
            variant: VariantId::from_uuid(row.variant_id),
            product: ProductId::from_uuid(row.product_id),
            stock: Stock {
                level: Level::restore(row.on_hand, row.reserved, row.held),
                terms,
                located: row.located,
                version: row.version,
            },
            updated_at: row.updated_at,
        };
        let (sums, orders) = (sums.into_iter().map(KindSum::from), orders.into_iter().map(OpenOrder::from));
        Ok(Explanation::of(explained, sums.collect(), orders.collect()))
    }
}

impl From<SumRow> for KindSum {
    fn from(row: SumRow) -> Self {
        let SumRow { kind, entries, on_hand, reserved, held, last_at } = row;
        Self { kind, entries, on_hand, reserved, held, last_at }
    }
}

impl From<OrderRow> for OpenOrder {
    fn from(row: OrderRow) -> Self {
        let OrderRow { order, confirmed, pieces, since, expires_at } = row;
        Self { order: OrderId::from_uuid(order), confirmed, pieces, since, expires_at }
    }
}
