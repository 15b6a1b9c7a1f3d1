//! Products through the gateway: read from the cache, read from the database, listed, created, imported.

use std::path::Path;
use std::time::{Duration, Instant};

use e2e::{Shop, Store};
use serde_json::json;

use crate::Failure;
use crate::http::{Connection, get, post};
use crate::limits;
use crate::load::{Load, closed_loop};
use crate::processes::Shares;
use crate::report::Report;
use crate::stack::{self, product_line, sell};

pub(crate) async fn measure(
    store: &mut Store,
    shop: &Shop,
    time: Duration,
    bare: &Load,
    redis: &Load,
    report: &mut Report,
) -> Result<(), Failure> {
    let skus: Vec<String> = (0..5_000).map(|number| format!("READ-{number:05}")).collect();
    sell(store, shop, &skus, 100).await?;
    let gateway = stack::gateway(store);
    let staff = format!("authorization: Bearer {}\r\n", shop.token);
    let products = product_ids(&gateway, &staff).await?;
    let find = limits::find_product(store, time).await?;
    report.limit("pgbench: the statements of reading a product, 16 clients", &find);

    // Fills the cache, and lets catalog forget what the import changed, before anything counts.
    let (slug, ids) = (shop.slug.clone(), products.clone());
    closed_loop(&gateway, 32, time, &[200], move |number| {
        get(&format!("/store/v1/{slug}/products/{}", pick(&ids, number)), "")
    })
    .await?;
    let (slug, ids) = (shop.slug.clone(), products.clone());
    let shares = Shares::begin(store);
    let cached = closed_loop(&gateway, 32, time, &[200], move |number| {
        get(&format!("/store/v1/{slug}/products/{}", pick(&ids, number)), "")
    })
    .await?;
    report.load(
        "product read, cached in Redis",
        &cached,
        "12,000",
        &format!(
            "{:.0} % of bare actix, {:.0} % of redis GET; {}",
            ratio(&cached, bare),
            ratio(&cached, redis),
            shares.end(store)
        ),
    );

    report.figure("product-read-cached.per-second", cached.per_second);
    report.figure("product-read-cached.of-bare-actix", cached.per_second / bare.per_second.max(1.0));

    let (ids, headers) = (products.clone(), staff.clone());
    let shares = Shares::begin(store);
    let uncached = closed_loop(&gateway, 32, time, &[200], move |number| {
        get(&format!("/admin/v1/products/{}", pick(&ids, number)), &headers)
    })
    .await?;
    report.load(
        "product read by staff, not cached",
        &uncached,
        "–",
        &format!("{:.0} % of pgbench; {}", ratio(&uncached, &find), shares.end(store)),
    );

    report.figure("product-read-uncached.of-limit", uncached.per_second / find.per_second.max(1.0));

    let list = limits::list_products(store, time).await?;
    report.limit("pgbench: the statements of a page of 20, 16 clients", &list);
    let headers = staff.clone();
    let shares = Shares::begin(store);
    let page = closed_loop(&gateway, 32, time, &[200], move |_| {
        get("/admin/v1/products?limit=20&where=status:eq:active&sort=title", &headers)
    })
    .await?;
    report.load(
        "product list for staff, page of 20, not cached",
        &page,
        "6,000",
        &format!("{:.0} % of pgbench; {}", ratio(&page, &list), shares.end(store)),
    );
    report.figure("product-list-uncached.of-limit", page.per_second / list.per_second.max(1.0));
    let slug = shop.slug.clone();
    let shares = Shares::begin(store);
    let page = closed_loop(&gateway, 32, time, &[200], move |_| {
        get(&format!("/store/v1/{slug}/products?limit=20&sort=title"), "")
    })
    .await?;
    report.load("product list of the shop, page of 20, cached in Redis", &page, "6,000", &shares.end(store));

    let headers = staff.clone();
    let shares = Shares::begin(store);
    let created = closed_loop(&gateway, 32, time, &[201], move |number| {
        let sku = format!("NEW-{}-{number}", uuid::Uuid::new_v4().simple());
        let body = json!({"slug": sku.to_lowercase(), "title": "A new product", "status": "active",
            "variants": [{"sku": &sku[..sku.len().min(60)], "title": "Standard", "price": {"amount": "5.00", "currency": "USD"}}]});
        post("/admin/v1/products", &headers, &body.to_string())
    })
    .await?;
    report.load("product create", &created, "1,000", &shares.end(store));
    report.figure("product-create.per-second", created.per_second);
    Ok(())
}

pub(crate) async fn import(shop: &Shop, data: Option<&Path>, report: &mut Report) -> Result<(), Failure> {
    let lines = match data {
        Some(path) => std::fs::read_to_string(path)?,
        None => {
            (0..20_000).map(|number| product_line(&format!("IMPORT-{number:06}"), 10)).collect::<Vec<_>>().join("\n")
        }
    };
    for what in ["import, every row new", "import of the same file again, nothing changes"] {
        let rows = lines.lines().count();
        let started = Instant::now();
        stack::import(shop, lines.clone()).await?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let per_second = rows as f64 / started.elapsed().as_secs_f64();
        report.line(&format!("| {what}, {rows} rows | {per_second:.0} rows | | | | |"));
    }
    Ok(())
}

fn pick(ids: &[String], number: u64) -> &str {
    // A step that is prime to the length visits all of them in a scattered order.
    let length = u64::try_from(ids.len()).unwrap_or(1).max(1);
    let at = usize::try_from(number.wrapping_mul(7919) % length).unwrap_or(0);
    ids.get(at).map_or("", String::as_str)
}

fn ratio(load: &Load, limit: &Load) -> f64 {
    load.per_second / limit.per_second.max(1.0) * 100.0
}

async fn product_ids(gateway: &str, staff: &str) -> Result<Vec<String>, Failure> {
    let mut connection = Connection::open(gateway).await?;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    while ids.len() < 1_000 {
        let request = get(&format!("/admin/v1/products?limit=100&where=status:eq:active{cursor}"), staff);
        let (status, body) = connection.exchange(&request).await?;
        if status != 200 {
            return Err(format!("listing products: {status}").into());
        }
        let page: serde_json::Value = serde_json::from_slice(body)?;
        for item in page["items"].as_array().into_iter().flatten() {
            ids.extend(item["id"].as_str().map(str::to_owned));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    Ok(ids)
}
