//! What serves the queries of an organisation with 100,000 orders, asked as the role that production uses.

use order::queries::Orders;
use persistence::Tenant;
use query::{Entity as _, Request};
use serde_json::{Value, json};

use crate::world::World;

/// Orders with their lines, written past the program: many of them quickly. One in a hundred is not done yet.
async fn fill(world: &World, count: u32) {
    let organisation = world.scene.organisation().uuid();
    world
        .execute(&format!(
            "create temporary table filled as
             select n, ('00000000-' || lpad(to_hex(n / 65536), 4, '0') || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id,
                    timestamptz '2026-01-01' + n * interval '1 minute' as at,
                    (array['confirmed', 'packed', 'on-hold'])[1 + n / 100 % 3] as open
             from generate_series(1, {count}) n;
             insert into orders (org_id, id, status, total_minor, currency, shopper_reference, token_digest, version, placed_at,
                                 deadline_at, settled_at, updated_at, channel, paid_minor)
             select '{organisation}', id, case when n % 100 = 0 then open else 'completed' end, n * 7919 % 100000, 'USD',
                    case when n % 3 = 0 then 'REF-' || n end, sha256(n::text::bytea), 3, at, at, at, at,
                    (array['shop', 'shopee', 'lazada'])[1 + n % 3], 0
             from filled;
             insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                      variant_title, quantity, unit_price_minor)
             select '{organisation}', id, line, 'SKU-' || lpad((n * 31 % 5000 + line)::text, 6, '0'),
                    ('00000000-0000-7000-8000-' || lpad(to_hex(n * 31 % 5000 + line), 12, '0'))::uuid,
                    gen_random_uuid(), 1, 'Mug', 'Red', 1, 100
             from filled, generate_series(0, 1) line;
             drop table filled;",
        ))
        .await;
    for table in ["orders", "order_lines"] {
        world.execute(&format!("vacuum analyze {table}")).await;
    }
}

async fn plan(world: &World, request: Value) -> String {
    let request: Request<Orders> = serde_json::from_value(request).unwrap();
    let read = world.scene.database().begin_read(Tenant::new(world.scene.organisation())).await.unwrap();
    read.run(|mut read| Box::pin(async move { request.explain(&mut read, Orders::registry()).await })).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_serves_whatever_narrows_the_orders_down() {
    let world = World::quiet().await;
    fill(&world, 100_000).await;
    let is = |field: &str, op: &str, value: Value| json!({"field": field, "op": op, "value": value});
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let open = is("status", "eq", json!("confirmed"));
    let product = kernel::ProductId::from_uuid("00000000-0000-7000-8000-000000000123".parse().unwrap());
    for request in [
        json!({}),
        json!({"sort": ["placed_at"]}),
        json!({"filter": open}),
        json!({"filter": is("status", "in", json!(["confirmed", "packed"]))}),
        json!({"filter": {"and": [open, is("channel", "eq", json!("shopee"))]}}),
        json!({"filter": {"and": [open, is("placed_at", "gte", json!("2026-02-01T00:00:00Z"))]}}),
        json!({"filter": is("placed_at", "between", json!(["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"]))}),
        json!({"filter": {"and": [is("channel", "eq", json!("lazada")), is("placed_at", "lt", json!("2026-02-02T00:00:00Z"))]}}),
        json!({"filter": is("reference", "eq", json!("REF-4711"))}),
        json!({"filter": is("reference", "in", json!(["REF-4711", "REF-4713"]))}),
        json!({"filter": is("sku", "eq", json!("SKU-000815"))}),
        json!({"filter": is("sku", "in", json!(["SKU-000815", "SKU-000816"]))}),
        json!({"filter": {"and": [is("sku", "eq", json!("SKU-000815")), is("status", "eq", json!("completed"))]}}),
        json!({"filter": is("product", "eq", json!(product))}),
        json!({"filter": is("total", "gte", usd("999.90")), "sort": ["-total"]}),
        json!({"filter": is("total", "between", json!([usd("500.00"), usd("500.50")]))}),
        json!({"filter": is("id", "eq", json!(kernel::OrderId::new()))}),
    ] {
        let text = plan(&world, request.clone()).await;
        assert!(text.contains("Index") && !text.contains("Seq Scan"), "{request}\n{text}");
    }
    world.stop().await;
}
