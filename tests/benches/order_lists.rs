//! The list of a million orders: a page with two filters beside the same SQL without the service, and the counts of a work list.

use std::time::Duration;

use e2e::{Shop, Store};
use serde_json::json;

use crate::Failure;
use crate::http::post_without_key;
use crate::limits::{self, Statement};
use crate::load::closed_loop;
use crate::report::Report;
use crate::stack;

/// How many orders there are.
const ORDERS: u32 = 1_000_000;
/// Clients that ask at once: the latency of a request is measured, not how many can wait.
const CLIENTS: usize = 2;

pub(crate) async fn measure(store: &Store, shop: &Shop, time: Duration, report: &mut Report) -> Result<(), Failure> {
    report.progress(&format!("writing {ORDERS} orders past the program"));
    fill(store, &shop.slug).await?;
    let staff = format!("authorization: Bearer {}\r\n", shop.token);
    let gateway = stack::gateway(store);
    let filter = json!({"and": [
        {"field": "status", "op": "eq", "value": "confirmed"},
        {"field": "channel", "op": "eq", "value": "shopee"},
    ]});
    for (what, name, query, sql) in [
        (
            "page of 50 orders, two filters",
            "order-page",
            json!({"filter": filter, "limit": 50}),
            "select * from searchable_orders where status = 'confirmed' and channel = 'shopee' order by id desc limit 51",
        ),
        (
            "page of 50 orders of one SKU",
            "order-page-of-sku",
            json!({"filter": {"field": "sku", "op": "eq", "value": "LIST-000815"}, "limit": 50}),
            "select r.* from searchable_orders r where exists (select from searchable_order_lines l where l.order_id = r.id \
             and l.sku = 'LIST-000815') order by id desc limit 51",
        ),
        (
            "counts by status of what is open",
            "order-counts",
            json!({"filter": {"field": "status", "op": "in", "value": ["pending", "confirmed", "packed", "on-hold"]}, "limit": 1,
                   "facets": ["status"]}),
            "select status, count(*) from searchable_orders where status in ('pending', 'confirmed', 'packed', 'on-hold') group by 1",
        ),
    ] {
        let statement = Statement { service: "order", slug: &shop.slug, name, sql, writes: false };
        let limit = limits::statement(store, statement, CLIENTS, time).await?;
        report.limit(&format!("pgbench: {what}, {CLIENTS} clients"), &limit);
        let request = post_without_key("/admin/v1/orders/query", &staff, &query.to_string());
        let load = closed_loop(&gateway, CLIENTS, time, &[200], move |_| request.clone()).await?;
        let ratio = load.per_second / limit.per_second.max(1.0);
        report.load(what, &load, "p99 30 ms", &format!("{:.0} % of pgbench", ratio * 100.0));
        report.figure(&format!("{name}.of-limit"), ratio);
    }
    Ok(())
}

/// Orders of two years with one line each; one in a hundred is still open.
async fn fill(store: &Store, slug: &str) -> Result<(), Failure> {
    let superuser = store.superuser().await;
    superuser
        .batch_execute(&format!(
            "create temporary table filled as
             select o.org_id, n, timestamptz '2024-01-01' + n * interval '1 minute' as at,
                    (lpad(to_hex(1704067200000 + n::bigint * 60000), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid as id
             from auth.organisations o, generate_series(1, {ORDERS}) n where o.slug = '{slug}';
             insert into \"order\".orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at,
                                           deadline_at, settled_at, updated_at, channel, number)
             select org_id, id, case when n % 100 = 0 then (array['confirmed', 'packed', 'on-hold'])[1 + n / 100 % 3] else 'completed' end,
                    n * 7919::bigint % 100000, 'USD', sha256(n::text::bytea), 3, at, at, at, at,
                    (array['shop', 'shopee', 'lazada'])[1 + n / 300 % 3], n
             from filled;
             insert into \"order\".order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                                variant_title, quantity, unit_price_minor)
             select org_id, id, 0, 'LIST-' || lpad((n * 31::bigint % 5000)::text, 6, '0'), id, id, 1, 'A product', 'Standard', 1, 100
             from filled;
             drop table filled"
        ))
        .await?;
    for table in ["orders", "order_lines"] {
        superuser.batch_execute(&format!("vacuum analyze \"order\".{table}")).await?;
    }
    Ok(())
}
