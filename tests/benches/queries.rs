//! The query engine over 100,000 products: a filtered page, a search, facets, each beside the same SQL without the service.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Shop, Store};
use serde_json::{Value, json};

use crate::Failure;
use crate::http::{Connection, get, post, post_without_key};
use crate::limits::{self, Statement};
use crate::load::closed_loop;
use crate::report::Report;
use crate::stack;

/// How many products there are.
const PRODUCTS: usize = 100_000;
/// How many there are where there are few.
const FEW: usize = 1_000;
/// How many lines one import has.
const LINES: usize = 10_000;
/// Clients that ask at once: the latency of a request is measured, not how many can wait.
const CLIENTS: usize = 2;

pub(crate) async fn measure(
    store: &mut Store,
    shop: &Shop,
    time: Duration,
    many: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let (titles, source) = titles().await?;
    let department = plant(shop).await?;
    report.progress(&format!("importing {PRODUCTS} products, {source}"));
    let gateway = stack::gateway(store);
    let staff = staff_of(shop);
    for (number, part) in titles.chunks(LINES).enumerate() {
        let mut lines = String::new();
        for (index, (title, brand)) in part.iter().enumerate() {
            writeln!(lines, "{}", line(number * LINES + index, title, brand))?;
        }
        stack::import(shop, lines).await?;
    }
    let superuser = store.superuser().await;
    superuser.batch_execute("vacuum analyze catalog.products").await?;
    superuser.batch_execute("vacuum analyze catalog.variants").await?;
    report.line(&format!("{PRODUCTS} products, {source}; {CLIENTS} clients at once."));

    let filter = json!({"and": [
        {"field": "status", "op": "eq", "value": "active"},
        {"field": "price_from", "op": "between", "value": [{"amount": "20.00", "currency": "USD"}, {"amount": "90.00", "currency": "USD"}]},
    ]});
    let page = json!({"filter": filter, "sort": ["-updated_at"], "limit": 20});
    let sql = "select * from searchable_products where status = 'active' and currency = 'USD' and price_from_minor >= 2000 \
               and price_from_minor <= 9000 order by updated_at desc, product_id desc limit 21";
    one(store, shop, &gateway, time, report, ("page of 20, two filters and a sort", "query-page", "25"), &page, sql)
        .await?;

    let typed = json!({"filter": {"and": [
        {"field": "attributes.colour", "op": "eq", "value": "blue"},
        {"field": "category_tree", "op": "has_any", "value": [department]},
    ]}, "sort": ["title"], "limit": 20});
    let sql = format!(
        "select * from searchable_products where attributes @> '{{\"colour\": \"blue\"}}' \
         and category_ids && array(select category_id from searchable_categories where path @> array['{}'::uuid]) \
         order by title, product_id limit 21",
        department.parse::<kernel::CategoryId>()?.uuid()
    );
    let named = ("page of 20, a typed attribute and a department", "query-typed", "25");
    one(store, shop, &gateway, time, report, named, &typed, &sql).await?;

    let words = json!({"q": "wireless mous", "limit": 20});
    let sql = "select * from searchable_products where search_text like '%wireless%' and search_text like '%mous%' \
               order by ((case when search_text like ' wireless mous%' then 1 else 0 end) \
               + case when search_text like '% wireless %' then 4 when search_text like '% wireless%' then 2 else 0 end \
               + case when search_text like '% mous %' then 4 when search_text like '% mous%' then 2 else 0 end) desc, \
               product_id desc limit 21";
    one(store, shop, &gateway, time, report, ("search for two words", "query-words", "40"), &words, sql).await?;

    let wrong = json!({"q": "logitexh", "limit": 20});
    let sql = "select product_id from searchable_products where search_text ~ ' (logite.h|logitech)' \
               order by product_id desc limit 21";
    one(
        store,
        shop,
        &gateway,
        time,
        report,
        ("search for a word with a wrong letter", "query-forgiving", "40"),
        &wrong,
        sql,
    )
    .await?;

    let facets = json!({"filter": filter, "limit": 1, "facets": ["brand", "tags", "status", "category_tree", "attributes.colour", "availability",
        {"field": "price_from", "bands": ["25 USD", "50 USD", "75 USD"]}]});
    let sql = "with base as materialized (select product_id, brand, tags, status, category_ids, attributes, width_bucket(price_from_minor, array[2500, 5000, 7500]) as band \
               from searchable_products where price_from_minor between 2000 and 9000 and currency = 'USD' and status = 'active') \
               (select brand, count(*) from base group by 1 order by 2 desc limit 50) union all \
               (select t, count(*) from base, unnest(tags) t group by 1 order by 2 desc limit 50) union all \
               (select status, count(*) from base group by 1) union all \
               (select a::text, count(*) from base, searchable_categories c, unnest(c.path) a \
                where c.category_id = any(base.category_ids) group by 1 order by 2 desc limit 50) union all \
               (select attributes ->> 'colour', count(*) from base group by 1 order by 2 desc limit 50) union all \
               (select (select case when max(s.on_hand - s.reserved - s.held - s.safety_stock) > 0 then 'in-stock' else 'sold-out' end \
                from searchable_variants v join searchable_stock s on s.variant_id = v.variant_id \
                where v.product_id = base.product_id and v.active), count(*) from base group by 1) union all \
               (select band::text, count(*) from base group by 1)";
    one(
        store,
        shop,
        &gateway,
        time,
        report,
        ("seven facets over the filtered products", "query-facets", "150"),
        &facets,
        sql,
    )
    .await?;

    bulk_stock(store, shop, &gateway, time, report).await?;

    let deep = deep_page(&gateway, &staff).await?;
    let request = get(&deep, &staff);
    let load = closed_loop(&gateway, CLIENTS, time, &[200], move |_| request.clone()).await?;
    report.load(
        "page of 20 at product 50,000 of a list",
        &load,
        "–",
        "the same as the first page, if a page costs the same wherever it is",
    );
    if many { however_many(store, shop, &gateway, time, report, &page).await } else { Ok(()) }
}

/// The same page among 1,000 products, which another organisation has, and among 1,000,000.
async fn however_many(
    store: &mut Store,
    shop: &Shop,
    gateway: &str,
    time: Duration,
    report: &mut Report,
    page: &Value,
) -> Result<(), Failure> {
    let small = Shop::open(store, "small").await;
    plant(&small).await?;
    let lines: Vec<String> = (0..FEW).map(|number| line(number, &made_up(number).0, "Acme").to_string()).collect();
    stack::import(&small, lines.join("\n")).await?;
    report.progress("copying the products until there are 1,000,000");
    grow(store, &shop.slug).await?;
    let mut costs = Vec::new();
    for (what, name, shop) in [
        ("the page among 1,000 products", "page-of-few", &small),
        ("the page among 1,000,000 products", "page-of-many", shop),
    ] {
        let request = post_without_key("/admin/v1/products/query", &staff_of(shop), &page.to_string());
        let load = closed_loop(gateway, CLIENTS, time, &[200], move |_| request.clone()).await?;
        costs.push(load.per_second.max(1.0));
        let ratio = costs.first().map_or(1.0, |few| load.per_second / few);
        report.load(what, &load, "p99 25 ms", &format!("{:.0} % of the pages a second among 1,000", ratio * 100.0));
        report.figure(&format!("{name}.of-few"), ratio);
    }
    Ok(())
}

fn staff_of(shop: &Shop) -> String {
    format!("authorization: Bearer {}\r\n", shop.token)
}

/// Copies the products of an organisation nine times with their variants and stock, past the program.
async fn grow(store: &Store, slug: &str) -> Result<(), Failure> {
    let superuser = store.superuser().await;
    let copies = [
        (
            "products",
            "jsonb_build_object('product_id', c.product, 'slug', t.slug || '-' || c.n)",
            "t.product_id = c.of",
        ),
        (
            "variants",
            "jsonb_build_object('variant_id', c.product, 'product_id', c.product, 'sku', t.sku || '-' || c.n)",
            "t.product_id = c.of",
        ),
        (
            "stock",
            "jsonb_build_object('variant_id', c.product, 'sku', t.sku || '-' || c.n)",
            "t.variant_id = c.variant",
        ),
    ];
    superuser
        .batch_execute(&format!(
            "create temporary table copies as
             select v.product_id as of, v.variant_id as variant, n, gen_random_uuid() as product
             from catalog.variants v join auth.organisations o using (org_id), generate_series(1, 9) n where o.slug = '{slug}'"
        ))
        .await?;
    // The index of words is built once over everything: kept up to date row by row it takes most of an hour.
    let index = "select indexdef from pg_indexes where schemaname = 'catalog' and indexname = 'products_by_content'";
    let index: String = superuser.query_one(index, &[]).await?.get(0);
    superuser.batch_execute("drop index catalog.products_by_content; set maintenance_work_mem = '512MB'").await?;
    for (table, changed, join) in copies {
        superuser
            .batch_execute(&format!(
                "insert into catalog.{table} select r.* from copies c join catalog.{table} t on {join}
                 cross join lateral jsonb_populate_record(t, {changed}) r"
            ))
            .await?;
    }
    superuser.batch_execute(&index).await?;
    for (table, ..) in copies {
        superuser.batch_execute(&format!("vacuum analyze catalog.{table}")).await?;
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "a row of the report and what it is measured with")]
async fn one(
    store: &Store,
    shop: &Shop,
    gateway: &str,
    time: Duration,
    report: &mut Report,
    (what, name, aim): (&str, &str, &str),
    query: &Value,
    sql: &str,
) -> Result<(), Failure> {
    let statement = Statement { service: "catalog", slug: &shop.slug, name, sql, writes: false };
    let limit = limits::statement(store, statement, CLIENTS, time).await?;
    report.limit(&format!("pgbench: {what}, {CLIENTS} clients"), &limit);
    let request = post_without_key("/admin/v1/products/query", &staff_of(shop), &query.to_string());
    let load = closed_loop(gateway, CLIENTS, time, &[200], move |_| request.clone()).await?;
    let ratio = load.per_second / limit.per_second.max(1.0);
    report.load(what, &load, &format!("p99 {aim} ms"), &format!("{:.0} % of pgbench", ratio * 100.0));
    report.figure(&format!("{name}.of-limit"), ratio);
    Ok(())
}

/// A thousand levels in one call, beside the same rows by plain SQL.
async fn bulk_stock(
    store: &Store,
    shop: &Shop,
    gateway: &str,
    time: Duration,
    report: &mut Report,
) -> Result<(), Failure> {
    let body = |delta: i64| {
        let level = |number| json!({"sku": format!("Q-{number:06}"), "delta": delta, "reason": "measured"});
        json!({"levels": (0..1_000).map(level).collect::<Vec<_>>()}).to_string()
    };
    let headers = staff_of(shop);
    let (more, less) = (body(1), body(-1));
    let load = closed_loop(gateway, 1, time, &[201], move |number| {
        post("/admin/v1/stock/bulk", &headers, if number.is_multiple_of(2) { &more } else { &less })
    })
    .await?;
    let sql = "with s as (update stock set on_hand = on_hand + 1, version = version + 1, updated_at = now() \
                 where sku = any(select 'Q-' || lpad(n::text, 6, '0') from generate_series(0, 999) n) \
                 returning org_id, sku, variant_id), \
               m as (insert into availability_marks (org_id, sku) select org_id, sku from s on conflict do nothing) \
               insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, reason, actor, occurred_at) \
               select org_id, sku, variant_id, 'adjust', 1, 0, 0, 'measured', 'pgbench', now() from s";
    let statement = Statement { service: "catalog", slug: &shop.slug, name: "bulk-stock", sql, writes: true };
    let limit = limits::statement(store, statement, 1, time).await?;
    report.limit("pgbench: 1,000 stock levels and their ledger in one statement, 1 client", &limit);
    let ratio = load.per_second / limit.per_second.max(0.01);
    let what = "1,000 stock levels in one call, 1 client";
    report.load(what, &load, "p99 200 ms", &format!("{:.0} % of pgbench", ratio * 100.0));
    report.figure("bulk-stock.of-limit", ratio);
    Ok(())
}

/// The address of a page in the middle of the list.
async fn deep_page(gateway: &str, staff: &str) -> Result<String, Failure> {
    let mut connection = Connection::open(gateway).await?;
    let mut cursor = String::new();
    for _ in 0..PRODUCTS / 200 {
        let path = format!("/admin/v1/products?limit=100&fields=id&sort=title{cursor}");
        let (status, body) = connection.exchange(&get(&path, staff)).await?;
        let page: Value = serde_json::from_slice(body)?;
        let next = page["next_cursor"].as_str().ok_or_else(|| format!("{status}: no next page: {page}"))?;
        cursor = format!("&cursor={next}");
    }
    Ok(format!("/admin/v1/products?limit=20&sort=title{cursor}"))
}

/// Eight departments with twelve shelves each, and two attributes; one of the departments.
async fn plant(shop: &Shop) -> Result<String, Failure> {
    let mut nodes = Vec::new();
    for department in 0..8 {
        let name = format!("department-{department}");
        nodes.push(json!({"reference": name, "name": name}));
        nodes.extend((0..12).map(|shelf| {
            json!({"reference": format!("{name}/{shelf}"), "name": format!("shelf-{shelf}"), "parent_reference": name})
        }));
    }
    let (status, report) = shop.owner.post("/admin/v1/categories/bulk", &json!({"nodes": nodes})).await;
    let department =
        report["created"].as_array().into_iter().flatten().find(|node| node["reference"] == "department-3");
    let department = department.and_then(|node| node["category"].as_str()).ok_or(format!("{status}: {report}"))?;
    for attribute in [
        json!({"code": "colour", "type": "choice", "choices": COLOURS, "labels": {"en": "Colour"}}),
        json!({"code": "weight", "type": "number", "unit": "g", "labels": {"en": "Weight"}}),
    ] {
        let (status, body) = shop.owner.post("/admin/v1/attributes", &attribute).await;
        if status != 201 {
            return Err(format!("{status}: {body}").into());
        }
    }
    // A row whose category the catalog does not know yet is refused.
    let row = json!({"slug": "first-of-all", "title": "First of all", "category": "department-7/shelf-11", "status": "draft",
                     "variants": [{"sku": "FIRST", "price": {"amount": "1.00", "currency": "USD"}}]});
    testkit::eventually(Duration::from_secs(30), async || {
        let (rows, summary) = shop.import(&format!("{row}\n")).await;
        if summary["failed"] == 0 { Ok(()) } else { Err(rows) }
    })
    .await;
    Ok(department.to_owned())
}

const COLOURS: [&str; 5] = ["red", "blue", "green", "black", "white"];

fn line(number: usize, title: &str, brand: &str) -> Value {
    let cents = 500 + (number * 7_919) % 20_000;
    let sku = format!("Q-{number:06}");
    let tags = [["new", "sale", "gift", "bulk"][number % 4], ["home", "office", "travel"][number % 3]];
    json!({"slug": sku.to_lowercase(), "title": title, "brand": (!brand.is_empty()).then_some(brand), "tags": tags,
           "category": format!("department-{}/shelf-{}", number % 8, number / 8 % 12),
           "attributes": {"colour": COLOURS[number % 5], "weight": number % 5_000},
           "status": if number.is_multiple_of(10) { "draft" } else { "active" },
           "variants": [{"sku": sku, "price": {"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "USD"}, "stock": number % 50}]})
}

/// A title and a brand for a product that is not real.
fn made_up(number: usize) -> (String, String) {
    let kind = ["Wireless mouse", "Keyboard", "Logitech headset", "Desk lamp", "Monitor"][number % 5];
    (format!("{kind} {number}"), ["Logitech", "Aurora", "Acme"][number % 3].to_owned())
}

/// Titles and brands of real products, as many as are measured, and where they are from.
async fn titles() -> Result<(Vec<(String, String)>, &'static str), Failure> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/products");
    let mut titles = Vec::with_capacity(PRODUCTS);
    for (file, title, brand) in [
        ("buildcores_opendb.ndjson.gz", "/metadata/name", "/metadata/manufacturer"),
        ("pcparts.ndjson.gz", "/name", "/nothing"),
    ] {
        for text in unpacked(&folder.join(file)).await?.lines() {
            let row: Value = serde_json::from_str(text)?;
            let word = |at: &str| {
                let text = row.pointer(at).and_then(Value::as_str).unwrap_or_default();
                text.chars().filter(|letter| !letter.is_control()).take(100).collect::<String>().trim().to_owned()
            };
            if !word(title).is_empty() {
                titles.push((word(title), word(brand)));
            }
        }
    }
    let source =
        if titles.len() >= PRODUCTS { "real titles" } else { "made-up titles, since the real data is not there" };
    titles.extend((titles.len()..PRODUCTS).map(made_up));
    titles.truncate(PRODUCTS);
    Ok((titles, source))
}

/// The text of a file that is packed with gzip; nothing when there is no such file.
pub(crate) async fn unpacked(file: &Path) -> Result<String, Failure> {
    if !file.exists() {
        return Ok(String::new());
    }
    let unpacked = tokio::process::Command::new("gzip").arg("-dc").arg(file).output().await?;
    Ok(String::from_utf8(unpacked.stdout)?)
}
