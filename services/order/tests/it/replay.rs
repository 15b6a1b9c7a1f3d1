//! A real day of a shop, imported as it was sold, its cancellations included: every invoice comes to what the file says, in the orders
//! and in what is told of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use contracts::{Channel, order::OrderEvent};
use serde_json::{Value, json};
use testkit::Caller;

use crate::world::World;

/// The most lines of an order; a longer invoice comes in parts.
const LINES: usize = 100;
/// As many orders as fit into one call with all their lines.
const ORDERS: usize = 40;

/// One row of the file.
struct Row {
    invoice: String,
    sku: String,
    quantity: i64,
    at: String,
    pence: i64,
}

fn pence(pounds: &str) -> i64 {
    let (whole, rest) = pounds.split_once('.').unwrap_or((pounds, ""));
    format!("{whole}{rest:0<2}").parse().unwrap()
}

fn pounds(pence: i64) -> Value {
    json!({"amount": format!("{}.{:02}", pence / 100, pence % 100), "currency": "GBP"})
}

type Columns = (String, String, String, i64, String, String, String, String);

fn row((invoice, sku, _, quantity, at, price, _, _): Columns) -> Row {
    Row { invoice, sku, quantity, at: format!("{}Z", at.replace(' ', "T")), pence: pence(&price) }
}

/// What an invoice comes to: less than nothing where it takes a sale back.
fn sum(rows: &[Row]) -> i64 {
    rows.iter().map(|row| row.quantity * row.pence).sum()
}

/// An invoice as orders: one that takes a sale back is an order that came back.
fn orders(invoice: &str, rows: &[Row]) -> Vec<Value> {
    let status = if invoice.starts_with('C') { "returned" } else { "completed" };
    let part = |(number, rows): (usize, &[Row])| {
        let line = |row: &Row| json!({"sku": row.sku, "quantity": row.quantity.abs(), "unit_price": pounds(row.pence)});
        json!({
            "channel": "till", "external_reference": format!("{invoice}/{number}"), "placed_at": rows[0].at,
            "raw_status": "Invoiced", "raw_status_at": rows[0].at, "status": status, "stock": "skip",
            "lines": rows.iter().map(line).collect::<Vec<_>>(), "total": pounds(sum(rows).abs()),
        })
    };
    rows.chunks(LINES).enumerate().map(part).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_day_comes_to_what_its_invoices_say() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/orders/online_retail_day_2011-12-05.csv");
    let Ok(file) = fs::read_to_string(&path) else {
        eprintln!("skipped: the orders of a real day are not at {}", path.display());
        return;
    };
    let mut invoices: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for columns in csv::Reader::from_reader(file.as_bytes()).into_deserialize() {
        let row = row(columns.unwrap());
        invoices.entry(row.invoice.clone()).or_default().push(row);
    }
    // Three entries of the stock-taker, at no price, sell nothing and take nothing back.
    let counts: Vec<String> = invoices
        .iter()
        .filter(|(invoice, rows)| !invoice.starts_with('C') && rows.iter().any(|row| row.quantity < 0))
        .map(|(invoice, _)| invoice.clone())
        .collect();
    assert_eq!(counts, ["580546", "580547", "580561"]);
    for count in counts {
        assert_eq!(sum(&invoices.remove(&count).unwrap()), 0);
    }
    assert_eq!((invoices.len(), invoices.keys().filter(|invoice| invoice.starts_with('C')).count()), (148, 16));

    let world = World::quiet().await;
    let skus: BTreeSet<&str> = invoices.values().flatten().map(|row| row.sku.as_str()).collect();
    // Our own prices are of another currency, even.
    world.sell(&skus.into_iter().map(|sku| (sku, 1)).collect::<Vec<_>>()).await;
    let all: Vec<Value> = invoices.iter().flat_map(|(invoice, rows)| orders(invoice, rows)).collect();
    let staff = world.client(Caller::OrderManager);
    let mut taken = 0;
    // The first call comes twice.
    for call in all.chunks(ORDERS).take(1).chain(all.chunks(ORDERS)) {
        let (status, report) = staff.post("/admin/v1/orders/import/bulk", &json!({"orders": call})).await;
        assert_eq!((status, &report["failed"]), (201, &json!(0)), "{report}");
        taken += call.len();
    }
    assert_eq!(taken, all.len() + ORDERS);
    assert_eq!(world.value("select count(*) from orders").await, all.len().to_string());

    let root = world.scene.superuser().await;
    let rows = root
        .query(
            "select o.external_reference, o.total_minor, x.type, x.payload from outbox x
             join orders o on o.id::text = x.aggregateid
             where x.type in ('order.order.placed.v1', 'order.order.returned.v1')",
            &[],
        )
        .await
        .unwrap();
    let (mut stored, mut told): (BTreeMap<String, i64>, BTreeMap<String, i64>) = Default::default();
    for row in rows {
        let (reference, total, kind, payload): (String, i64, String, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let invoice = reference.split('/').next().unwrap().to_owned();
        let taken_back = invoice.starts_with('C');
        match OrderEvent::decode(&kind, payload.as_bytes()).unwrap() {
            OrderEvent::Placed(placed) => {
                let nets = placed.standing.unwrap().lines.into_iter().map(|line| line.amounts.net.minor());
                *stored.entry(invoice.clone()).or_default() += if taken_back { -total } else { total };
                if !taken_back {
                    *told.entry(invoice).or_default() += nets.sum::<i64>();
                }
            }
            OrderEvent::Returned(returned) => {
                let nets = returned.lines.into_iter().map(|line| line.amounts.net.minor());
                *told.entry(invoice).or_default() += nets.sum::<i64>();
            }
            other => panic!("{other:?}"),
        }
    }
    let expected: BTreeMap<String, i64> = invoices.iter().map(|(invoice, rows)| (invoice.clone(), sum(rows))).collect();
    assert_eq!(stored, expected, "what the orders come to");
    assert_eq!(told, expected, "what is told of them");
    assert_eq!(world.value("select sum(quantity) from order_lines").await, pieces(&invoices).to_string());
    world.stop().await;
}

fn pieces(invoices: &BTreeMap<String, Vec<Row>>) -> i64 {
    invoices.values().flatten().map(|row| row.quantity.abs()).sum()
}
