//! Real invoices, brought as orders that were sold elsewhere: how many a second, beside the same rows by plain SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use e2e::{Shop, Store};
use serde_json::{Value, json};

use crate::Failure;
use crate::http::{Connection, post};
use crate::limits::{self, Statement};
use crate::queries::unpacked;
use crate::report::{Report, milliseconds};
use crate::stack::{gateway, sell};

/// The most lines of an order; a longer invoice comes in parts.
const LINES: usize = 100;
/// The most lines of one call, so that its body stays below what the route takes.
const LINES_AT_ONCE: usize = 1_500;
/// The most orders of one call.
const ORDERS_AT_ONCE: usize = 100;
/// Programs that bring invoices at once.
const CLIENTS: usize = 2;

/// An order as the route takes it, with how many lines it has.
struct Invoice {
    body: Value,
    lines: usize,
}

/// The number of the invoice, the SKU, its name, how many, when, the price, who bought and where.
type Columns = (String, String, String, i64, String, f64, String, String);

pub(crate) async fn measure(
    store: &mut Store,
    shop: &Shop,
    time: Duration,
    report: &mut Report,
) -> Result<(), Failure> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/orders/online_retail_first_300k.csv.gz");
    let (invoices, skus) = read(&unpacked(&path).await?)?;
    if invoices.is_empty() {
        report.line("Not measured: the real invoices are not there.");
        return Ok(());
    }
    report.progress(&format!("importing {} products that {} invoices name", skus.len(), invoices.len()));
    sell(store, shop, &skus, 1_000).await?;

    let lines: usize = invoices.iter().map(|invoice| invoice.lines).sum();
    let of_one = lines / invoices.len();
    let sql = insert(ORDERS_AT_ONCE.min(LINES_AT_ONCE / of_one.max(1)), of_one);
    let statement = Statement { service: "order", slug: &shop.slug, name: "import-orders", sql: &sql.0, writes: true };
    let limit = limits::statement(store, statement, CLIENTS, time).await?;
    report.limit(
        &format!("pgbench: {} orders with {of_one} lines each in one statement, {CLIENTS} clients", sql.1),
        &limit,
    );
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let limit = limit.per_second * sql.1 as f64;

    let (count, calls) = (invoices.len(), calls(invoices));
    let headers = format!("authorization: Bearer {}\r\n", shop.token);
    let mut requests: Vec<Vec<Vec<u8>>> = vec![Vec::new(); CLIENTS];
    for (number, call) in calls.iter().enumerate() {
        let request = post("/admin/v1/orders/import/bulk", &headers, &json!({"orders": call}).to_string());
        requests[number % CLIENTS].push(request);
    }
    let started = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for requests in requests {
        let address = gateway(store);
        clients.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut slowest = Duration::ZERO;
            for request in requests {
                let began = Instant::now();
                let (status, answer) = connection.exchange(&request).await?;
                slowest = slowest.max(began.elapsed());
                let answer: Value = serde_json::from_slice(answer)?;
                if status != 201 || answer["failed"] != 0 {
                    return Err(format!("an import was answered with {status}: {answer}").into());
                }
            }
            Ok::<_, Failure>(slowest)
        });
    }
    let mut slowest = Duration::ZERO;
    while let Some(done) = clients.join_next().await {
        slowest = slowest.max(done??);
    }
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = count as f64 / seconds.max(0.001);
    report.line(&format!(
        "| real invoices imported, {CLIENTS} clients | {per_second:.0} | | {} | – | {count} orders with {lines} lines in {seconds:.1} s; \
         {:.0} % of pgbench; the slowest call in the p99 column |",
        milliseconds(u64::try_from(slowest.as_micros())?),
        per_second / limit.max(1.0) * 100.0
    ));
    report.figure("import-orders.per-second", per_second);
    report.figure("import-orders.of-limit", per_second / limit.max(1.0));
    Ok(())
}

/// The invoices of the file as orders, and the SKUs that they name. Invoices that sell nothing, or sell and take back at once, are
/// left out.
fn read(file: &str) -> Result<(Vec<Invoice>, Vec<String>), Failure> {
    let mut invoices: BTreeMap<String, Vec<(String, i64, i64, String)>> = BTreeMap::new();
    for row in csv::Reader::from_reader(file.as_bytes()).deserialize() {
        let (invoice, sku, _, quantity, at, price, _, _): Columns = row?;
        #[expect(clippy::cast_possible_truncation, reason = "prices of a few hundred pounds")]
        let pence = (price * 100.0).round() as i64;
        // The till's codes, some of which differ in case or have signs, as SKUs.
        let sku = sku.trim().to_uppercase().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
        let row = (sku, quantity, pence, format!("{}Z", at.replace(' ', "T")));
        invoices.entry(invoice).or_default().push(row);
    }
    invoices.retain(|invoice, rows| {
        let back = invoice.starts_with('C');
        rows.iter().all(|(_, quantity, pence, _)| (*quantity < 0) == back && *quantity != 0 && *pence >= 0)
    });
    let skus: BTreeSet<String> = invoices.values().flatten().map(|(sku, ..)| sku.clone()).collect();
    let mut orders = Vec::with_capacity(invoices.len());
    for (invoice, rows) in &invoices {
        let status = if invoice.starts_with('C') { "returned" } else { "completed" };
        for (part, rows) in rows.chunks(LINES).enumerate() {
            let lines = rows.iter().map(|(sku, quantity, pence, _)| {
                let price = json!({"amount": format!("{}.{:02}", pence / 100, pence % 100), "currency": "GBP"});
                json!({"sku": sku, "quantity": quantity.abs(), "unit_price": price})
            });
            let at = rows.first().map(|row| row.3.clone()).unwrap_or_default();
            let body = json!({
                "channel": "till", "external_reference": format!("{invoice}/{part}"), "placed_at": at, "raw_status": "Invoiced",
                "raw_status_at": at, "status": status, "stock": "skip", "lines": lines.collect::<Vec<_>>(),
            });
            orders.push(Invoice { body, lines: rows.len() });
        }
    }
    Ok((orders, skus.into_iter().collect()))
}

/// The orders of each call.
fn calls(invoices: Vec<Invoice>) -> Vec<Vec<Value>> {
    let (mut calls, mut call, mut lines) = (Vec::new(), Vec::new(), 0);
    for invoice in invoices {
        if call.len() == ORDERS_AT_ONCE || lines + invoice.lines > LINES_AT_ONCE {
            calls.push(std::mem::take(&mut call));
            lines = 0;
        }
        lines += invoice.lines;
        call.push(invoice.body);
    }
    calls.push(call);
    calls
}

/// The statement that inserts so many orders with so many lines each, with what is written of each, and how many orders those are.
fn insert(orders: usize, lines: usize) -> (String, usize) {
    let sql = format!(
        "with new as materialized (select gen_random_uuid() as id, nullif(current_setting('app.org'), '')::uuid as org from generate_series(1, {orders})), \
         placed as (insert into orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at, deadline_at, settled_at, updated_at, channel, number) \
           select org, id, 'completed', 1990, 'GBP', sha256(id::text::bytea), 6, now(), now(), now(), now(), 'till', (random() * 9e15)::bigint + 1 from new), \
         lines as (insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title, variant_title, quantity, unit_price_minor) \
           select org, id, n, 'LIMIT-' || n, id, id, 1, 'A product', 'Standard', 1, 100 from new, generate_series(1, {lines}) n) \
         insert into order_history (org_id, order_id, version, from_status, to_status, cause, actor, occurred_at) \
           select org, id, n, case when n > 1 then 'pending' end, 'completed', 'staff', 'pgbench', now() from new, generate_series(1, 6) n"
    );
    (sql, orders)
}
