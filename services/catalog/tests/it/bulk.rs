//! Many products, stock levels or prices in one call: a result per row, once per key, all or nothing where that is asked for.

use std::time::Instant;

use serde_json::{Value, json};
use testkit::{Caller, problem_fields};

use crate::world::{World, price};

const PRODUCTS: &str = "/admin/v1/products/bulk";
const STOCK: &str = "/admin/v1/stock/bulk";
const PRICES: &str = "/admin/v1/prices/bulk";

fn row(slug: &str, sku: &str, cents: i64) -> Value {
    json!({"slug": slug, "title": format!("Product {slug}"), "variants": [{"sku": sku, "price": price(cents), "stock": 3}]})
}

fn results(reply: &Value) -> Vec<&str> {
    reply["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

/// Counts the statements that write these tables from now on.
async fn watch(world: &World, tables: &[&str]) {
    world
        .execute(
            "create table public.watched (name text);
             create function public.watch() returns trigger language plpgsql security definer as
               $$ begin insert into public.watched values (tg_table_name); return null; end $$;",
        )
        .await;
    for table in tables.iter().filter(|table| **table != "outbox") {
        let trigger = format!(
            "create trigger watched after insert or update on catalog.{table}
             for each statement execute function public.watch()"
        );
        world.execute(&trigger).await;
    }
    // What can be sold is published in the background, whenever that is.
    world
        .execute(
            "create function public.watch_outbox() returns trigger language plpgsql security definer as
               $$ begin
                 if exists (select from added where aggregatetype <> 'catalog.availability.v1') then
                   insert into public.watched values ('outbox');
                 end if;
                 return null;
               end $$;
             create trigger watched after insert on catalog.outbox referencing new table as added
             for each statement execute function public.watch_outbox();",
        )
        .await;
}

async fn watched(world: &World, table: &str) -> String {
    world.value(&format!("select count(*) from public.watched where name = '{table}'")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_are_created_and_changed_in_one_call_and_each_row_has_its_result() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    world.create("same", &[("SAME", 100, 3)]).await;
    let (shop, anyone) = (format!("/store/v1/{}/products", world.scene.slug()), world.client(Caller::Anonymous));
    assert_eq!(anyone.get(&format!("{shop}/lamp")).await.1["variants"][0]["price"], price(1_250));
    let rows = json!([
        row("torch", "TORCH", 900),
        {"slug": "lamp", "variants": [{"sku": "LAMP", "price": price(1_300)}]},
        {"slug": "same", "variants": [{"sku": "SAME", "price": price(100)}]},
        {"slug": "Bad Slug", "title": "x"},
        {"slug": "dear", "title": "Dear", "variants": [{"sku": "DEAR", "price": {"amount": "x", "currency": "USD"}}]},
        row("again", "TORCH", 900),
        row("torch", "OTHER", 900),
        {"slug": "nowhere", "title": "Nowhere", "category": "no/where", "variants": [{"sku": "N", "price": price(1)}]},
        {"slug": "odd", "title": "Odd", "colour": "red"},
        row("taken", "LAMP", 900),
    ]);
    let keyed = world.owner().with("idempotency-key", "bulk-1");
    let first = keyed.post_reply(PRODUCTS, &json!({"products": rows})).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let reply = first.json();
    let expected = ["created", "updated", "unchanged"].into_iter().chain(["failed"; 7]).collect::<Vec<_>>();
    assert_eq!(results(&reply), expected, "{reply}");
    let lines: Vec<u64> = reply["rows"].as_array().unwrap().iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=10).collect::<Vec<_>>());
    let columns: Vec<&Value> = (3..10).map(|at| &reply["rows"][at]["errors"][0]["column"]).collect();
    let wanted = ["slug", "variants[0].price", "variants[0].sku", "slug", "category", "colour", "variants[0].sku"];
    assert_eq!(columns, wanted.iter().map(|column| json!(column)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_eq!((&reply["created"], &reply["failed"]), (&json!(1), &json!(7)));
    // Whoever reads the shop now sees it.
    assert_eq!(anyone.get(&format!("{shop}/lamp")).await.1["variants"][0]["price"], price(1_300));
    assert_eq!(anyone.get(&format!("{shop}/torch")).await.0, 200);

    let again = keyed.post_reply(PRODUCTS, &json!({"products": rows})).await;
    assert_eq!(
        (again.status, again.bytes, again.headers.contains_key("idempotency-replayed")),
        (201, first.bytes, true)
    );
    let other = keyed.post_reply(PRODUCTS, &json!({"products": [row("torch", "TORCH", 901)]})).await;
    assert_eq!((other.status, &other.json()["type"]), (422, &json!("/problems/idempotency-key-reused")));
    let (_, repeated) = world.owner().post(PRODUCTS, &json!({"products": [row("torch", "TORCH", 900)]})).await;
    assert_eq!(results(&repeated), ["unchanged"]);
    let ledger = world.value("select reason from movements where sku = 'TORCH'").await;
    assert_eq!(ledger, "bulk");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_or_nothing_writes_all_or_nothing() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 1_250, 4)]).await;
    let states = "select count(*) from outbox where aggregatetype <> 'catalog.availability.v1'";
    let before = world.value(states).await;
    let rows = json!([row("torch", "TORCH", 900), row("taken", "LAMP", 900), {"slug": "none"}]);
    let body = json!({"products": rows, "all_or_nothing": true});
    let keyed = world.owner().with("idempotency-key", "bulk-2");
    let (status, problem) = keyed.post(PRODUCTS, &body).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/rows-refused")), "{problem}");
    let refused: Vec<&Value> = problem["rows"].as_array().unwrap().iter().map(|row| &row["line"]).collect();
    assert_eq!(refused, [&json!(2), &json!(3)], "{problem}");
    let levels = json!([{"sku": "LAMP", "delta": 5}, {"sku": "NONE", "set": 1}, {"sku": "LAMP", "delta": -10}]);
    let (status, problem) = world.owner().post(STOCK, &json!({"levels": levels, "all_or_nothing": true})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/rows-refused")), "{problem}");
    assert_eq!((&problem["rows"][0]["line"], &problem["rows"][1]["sku"]), (&json!(2), &json!("LAMP")), "{problem}");
    assert_eq!(world.value("select count(*) from products").await, "1");
    assert_eq!(world.level("LAMP").await, (4, 0, 0));
    assert_eq!(world.value(states).await, before);
    // A refused call has used up no key.
    let (status, done) =
        keyed.post(PRODUCTS, &json!({"products": [row("torch", "TORCH", 900)], "all_or_nothing": true})).await;
    assert_eq!((status, results(&done)), (201, vec!["created"]), "{done}");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_rows_take_as_many_statements_as_one() {
    let world = World::quiet().await;
    let products = |cents: i64| -> Vec<Value> {
        (0..1_000).map(|number| row(&format!("p-{number}"), &format!("SKU-{number}"), cents)).collect()
    };
    let begun = Instant::now();
    let (status, made) = world.owner().post(PRODUCTS, &json!({"products": products(100)})).await;
    assert_eq!((status, &made["created"]), (201, &json!(1_000)), "{made}");
    println!("1,000 products were created in {:?}", begun.elapsed());
    watch(&world, &["products", "variants", "stock", "movements", "outbox"]).await;
    let begun = Instant::now();
    let (status, priced) = world.owner().post(PRODUCTS, &json!({"products": products(101)})).await;
    assert_eq!((status, &priced["updated"]), (201, &json!(1_000)), "{priced}");
    println!("1,000 prices were changed in {:?}", begun.elapsed());
    for (table, writes) in [("products", "1"), ("variants", "2"), ("stock", "0"), ("movements", "0"), ("outbox", "1")] {
        // An upsert fires the triggers of both, and so does one that finds nothing to do.
        assert_eq!(watched(&world, table).await, writes, "{table}");
    }
    world.execute("truncate public.watched").await;
    // What autovacuum does within seconds: until then the plans are those of empty tables.
    world.execute("analyze").await;
    let levels: Vec<Value> = (0..1_000)
        .map(|number| json!({"sku": format!("SKU-{number}"), "set": number, "reason": format!("count {number}")}))
        .collect();
    let begun = Instant::now();
    let (status, set) = world.owner().post(STOCK, &json!({"levels": levels})).await;
    println!("1,000 stock levels were set in {:?}", begun.elapsed());
    assert_eq!((status, &set["updated"], &set["unchanged"]), (201, &json!(999), &json!(1)), "{set}");
    assert_eq!(set["rows"][999]["stock"]["on_hand"], 999);
    for (table, writes) in [("stock", "1"), ("movements", "1"), ("outbox", "1")] {
        assert_eq!(watched(&world, table).await, writes, "{table}");
    }
    assert_eq!(world.value("select count(*) from movements where reason like 'count %'").await, "999");
    let low = "select count(*) from outbox where aggregatetype = 'catalog.stock.v1'";
    assert_eq!(world.value(low).await, "1", "one ran out");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_are_taken_in_order_and_calls_at_once_wait_for_each_other() {
    let world = World::quiet().await;
    for number in 0..20 {
        world.create(&format!("p-{number}"), &[(&format!("SKU-{number}"), 100, 10)]).await;
    }
    let levels = json!([
        {"sku": "SKU-0", "delta": -10, "reason": "sold"},
        {"sku": "SKU-0", "delta": -1},
        {"sku": "SKU-0", "set": 7, "low_threshold": 2},
        {"sku": "SKU-1", "low_threshold": 0},
        {"sku": "NONE", "delta": 1},
    ]);
    let keyed = world.owner().with("idempotency-key", "levels-1");
    let first = keyed.post_reply(STOCK, &json!({"levels": levels})).await;
    let reply = first.json();
    assert_eq!((first.status, results(&reply)), (201, vec!["updated", "failed", "updated", "unchanged", "failed"]));
    assert_eq!((&reply["rows"][0]["stock"]["on_hand"], &reply["rows"][0]["stock"]["version"]), (&json!(7), &json!(2)));
    assert!(reply["rows"][4]["error"].as_str().unwrap().contains("there is no stock of SKU NONE"), "{reply}");
    assert_eq!(keyed.post_reply(STOCK, &json!({"levels": levels})).await.bytes, first.bytes);
    assert_eq!(
        world.value("select string_agg(reason, ',' order by movement_id) from movements where sku = 'SKU-0'").await,
        "initial stock,sold,"
    );
    assert_eq!(world.owner().get("/admin/v1/stock/SKU-0").await.1["version"], 2);

    let calls = (0..8).map(|call| {
        let mut skus: Vec<i64> = (1..20).collect();
        if call % 2 == 0 {
            skus.reverse();
        }
        let levels: Vec<Value> =
            skus.iter().map(|number| json!({"sku": format!("SKU-{number}"), "delta": 1})).collect();
        let owner = world.owner();
        tokio::spawn(async move { owner.post(STOCK, &json!({"levels": levels})).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let (status, reply) = call.await.unwrap();
        assert_eq!((status, &reply["updated"]), (201, &json!(19)), "{reply}");
    }
    for number in 1..20 {
        assert_eq!(world.level(&format!("SKU-{number}")).await, (18, 0, 0));
    }
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_no_list_of_rows_is_refused_with_the_names_of_its_faults() {
    let world = World::quiet().await;
    let many = |row: Value| vec![row; 1_001];
    for (path, body, faulty) in [
        (PRODUCTS, json!({"products": []}), vec!["products"]),
        (PRODUCTS, json!({"products": many(json!({"slug": "a"}))}), vec!["products"]),
        (PRODUCTS, json!({"products": [1]}), vec!["products[0]"]),
        (PRODUCTS, json!({"rows": []}), vec!["products", "rows"]),
        (STOCK, json!({"levels": []}), vec!["levels"]),
        (STOCK, json!({"levels": many(json!({"sku": "A", "delta": 1}))}), vec!["levels"]),
        (
            STOCK,
            json!({"levels": [{"sku": "", "set": -1, "reason": "a\0b"}]}),
            vec!["levels[0].reason", "levels[0].set", "levels[0].sku"],
        ),
        (
            STOCK,
            json!({"levels": [{"sku": "A"}, {"sku": "B", "set": 1, "delta": 1}]}),
            vec!["levels[0].delta", "levels[1].delta"],
        ),
        (STOCK, json!({"levels": [{"sku": "A", "delta": 1, "why": "x"}]}), vec!["levels[0].why"]),
        (PRICES, json!({"prices": []}), vec!["prices"]),
        (
            PRICES,
            json!({"prices": [{"sku": "", "price": {"amount": "x", "currency": "USD"}, "channel": "A B", "valid_from": "soon"}]}),
            vec!["prices[0].channel", "prices[0].price.amount", "prices[0].sku", "prices[0].valid_from"],
        ),
    ] {
        let (status, problem) = world.owner().post(path, &body).await;
        let mut fields = problem_fields(&problem);
        fields.sort_unstable();
        assert_eq!((status, fields), (422, faulty), "{path}: {problem}");
    }
    let variants: Vec<Value> =
        (0..100).map(|number| json!({"sku": format!("V-{number}"), "price": price(1)})).collect();
    let rows: Vec<Value> = (0..60)
        .map(|number| {
            let mine: Vec<Value> = variants
                .iter()
                .cloned()
                .map(|mut one| {
                    one["sku"] = json!(format!("{number}-{}", one["sku"].as_str().unwrap()));
                    one
                })
                .collect();
            json!({"slug": format!("p-{number}"), "title": "x", "variants": mine})
        })
        .collect();
    let (status, reply) = world.owner().post(PRODUCTS, &json!({"products": rows})).await;
    assert_eq!((status, &reply["created"], &reply["failed"]), (201, &json!(50), &json!(10)), "{reply}");
    assert!(reply["rows"][59]["errors"][0]["reason"].as_str().unwrap().contains("5000 variants"), "{reply}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_change_what_locations_have_and_the_terms_too() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 100, 10)]).await;
    world.create("vase", &[("VASE", 100, 0)]).await;
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    assert_eq!(world.owner().post("/admin/v1/locations", &hanoi).await.0, 201);
    let levels = json!([
        {"sku": "LAMP", "delta": 5, "location": "hanoi"},
        {"sku": "LAMP", "delta": -2, "location": "hanoi"},
        {"sku": "LAMP", "delta": -4, "location": "hanoi"},
        {"sku": "LAMP", "set": 1, "location": "hue"},
        {"sku": "LAMP", "safety_stock": 3},
        {"sku": "VASE", "set": 4, "location": "hanoi", "backorder": {"policy": "up-to", "pieces": 6}},
    ]);
    let (status, reply) = world.owner().post(STOCK, &json!({"levels": levels})).await;
    assert_eq!((status, results(&reply)), (201, vec!["updated", "updated", "failed", "failed", "updated", "updated"]));
    assert!(reply["rows"][2]["error"].as_str().unwrap().contains('3'), "what is there is said: {reply}");
    assert!(reply["rows"][3]["error"].as_str().unwrap().contains("hue"), "{reply}");
    let lamp = &reply["rows"][0]["stock"];
    assert_eq!((&lamp["on_hand"], &lamp["available"], &lamp["version"]), (&json!(13), &json!(10), &json!(2)));
    let vase = &reply["rows"][5]["stock"];
    assert_eq!((&vase["on_hand"], &vase["sellable"]), (&json!(4), &json!(10)), "{reply}");
    let at =
        "select string_agg(sku || ' ' || on_hand, ', ' order by sku) from location_levels where location = 'hanoi'";
    assert_eq!(world.value(at).await, "LAMP 3, VASE 4");
    assert_eq!(world.value("select string_agg(located::text, ',' order by sku) from stock").await, "3,4");
    // Both directions in one call: what is at a location falls for one SKU and rises for the other.
    let levels =
        json!([{"sku": "LAMP", "set": 0, "location": "hanoi"}, {"sku": "VASE", "set": 9, "location": "hanoi"}]);
    assert_eq!(world.owner().post(STOCK, &json!({"levels": levels})).await.1["updated"], 2);
    assert_eq!(world.value(at).await, "LAMP 0, VASE 9");
    // What moves between two locations leaves the sums as they are.
    assert_eq!(
        world.owner().post("/admin/v1/locations", &json!({"code": "hue", "name": "Hue", "priority": 2})).await.0,
        201
    );
    let levels =
        json!([{"sku": "VASE", "delta": -4, "location": "hanoi"}, {"sku": "VASE", "delta": 4, "location": "hue"}]);
    let (_, moved) = world.owner().post(STOCK, &json!({"levels": levels})).await;
    assert_eq!(results(&moved), ["updated", "updated"], "{moved}");
    assert_eq!(world.value(at).await, "LAMP 0, VASE 5");
    let ledger = "select string_agg(location || ' ' || on_hand_delta, ', ' order by movement_id desc)
                  from (select * from movements where sku = 'VASE' order by movement_id desc limit 2) last";
    assert_eq!(world.value(ledger).await, "hue 4, hanoi -4");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_of_many_skus_are_set_in_one_call_and_each_row_has_its_result() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP-S", 1_000, 1), ("LAMP-L", 2_000, 1)]).await;
    let desk = world.create("desk", &[("DESK", 5_000, 1)]).await;
    let gone = world.create("gone", &[("GONE", 100, 1)]).await;
    let retire = format!("/admin/v1/products/{}/retire", gone["id"].as_str().unwrap());
    assert_eq!(world.owner().post(&retire, &json!({})).await.0, 200);
    watch(&world, &["prices", "variants", "products", "outbox"]).await;

    let prices = json!([
        {"sku": "LAMP-S", "price": price(900)},
        {"sku": "LAMP-L", "price": price(1_800), "channel": "market"},
        {"sku": "LAMP-S", "price": price(800)},
        {"sku": "DESK", "price": price(5_000)},
        {"sku": "NONE", "price": price(1)},
        {"sku": "GONE", "price": price(1)},
        {"sku": "DESK", "price": {"amount": "1.00", "currency": "EUR"}, "channel": "market"},
        {"sku": "DESK", "price": price(4_000), "valid_from": "2020-01-01T00:00:00Z"},
        {"sku": "DESK", "price": price(4_500), "valid_from": "2030-01-01T00:00:00Z"},
    ]);
    let keyed = world.owner().with("idempotency-key", "prices-1");
    let first = keyed.post_reply(PRICES, &json!({"prices": prices})).await;
    let reply = first.json();
    assert_eq!(
        (first.status, results(&reply)),
        (201, vec!["updated", "created", "failed", "unchanged", "failed", "failed", "failed", "failed", "created"]),
        "{reply}"
    );
    for (row, said) in
        [(2, "a row before it"), (4, "no stock of SKU NONE"), (5, "retired"), (6, "USD"), (7, "valid_from")]
    {
        assert!(reply["rows"][row]["error"].as_str().unwrap().contains(said), "{row}: {reply}");
    }
    assert_eq!(keyed.post_reply(PRICES, &json!({"prices": prices})).await.bytes, first.bytes);
    // The base price writes its history with the variants. Each table is written once; an upsert fires for both of its halves.
    for (table, statements) in [("variants", "2"), ("products", "1"), ("outbox", "1")] {
        assert_eq!(watched(&world, table).await, statements, "{table}");
    }
    let cost = async |product: &Value, at: usize, channel: &str| {
        let id = product["variants"][at]["id"].as_str().unwrap();
        let path = format!("/admin/v1/variants/{id}/price?channel={channel}");
        world.owner().get(&path).await.1["price"]["amount"].as_str().unwrap().to_owned()
    };
    assert_eq!(cost(&lamp, 0, "shop").await, "9.00");
    assert_eq!(
        (cost(&lamp, 1, "market").await, cost(&lamp, 1, "shop").await),
        ("18.00".to_owned(), "20.00".to_owned())
    );
    assert_eq!(cost(&desk, 0, "shop").await, "50.00");
    let read = async |product: &Value| {
        world.owner().get(&format!("/admin/v1/products/{}", product["id"].as_str().unwrap())).await.1
    };
    assert_eq!((&read(&lamp).await["version"], &read(&desk).await["version"]), (&json!(2), &json!(1)));
    let ended = reply["rows"][1]["price"].as_str().unwrap();
    let path = format!("/admin/v1/variants/{}/prices/{ended}/end", lamp["variants"][1]["id"].as_str().unwrap());
    assert_eq!(world.owner().post(&path, &json!({})).await.0, 200);
    assert_eq!(cost(&lamp, 1, "market").await, "20.00");

    let half = json!({"prices": [{"sku": "DESK", "price": price(1)}, {"sku": "NONE", "price": price(1)}], "all_or_nothing": true});
    let (status, problem) = world.owner().post(PRICES, &half).await;
    assert_eq!((status, &problem["rows"][0]["sku"]), (409, &json!("NONE")), "{problem}");
    assert_eq!(cost(&desk, 0, "shop").await, "50.00");
    world.stop().await;
}
