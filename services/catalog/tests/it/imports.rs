//! Files: a result for each row, the good ones imported, and nothing changed by a second time.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use access::Role;
use bytes::Bytes;
use catalog::domain::locale::{DefaultLocale, Locale};
use catalog::processes::import::{ImportLine, Imports};
use catalog::processes::invalidation::StaleProducts;
use contracts::catalog::{ImportEvent, ProductState};
use exchange::Format;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};
use service::{Stage, Tasks};
use testkit::eventually;
use tokio::sync::oneshot;

use crate::world::{PATIENCE, World};

const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";

fn result(line: &Value) -> (u64, &str) {
    (line["line"].as_u64().unwrap(), line["result"].as_str().unwrap())
}

fn columns(line: &Value) -> Vec<&str> {
    line["errors"].as_array().unwrap().iter().filter_map(|error| error["column"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_json_file_is_imported_once_and_a_second_time_changes_nothing() {
    let world = World::connected().await;
    let home = world.plant("home", &[]).await;
    let lights = world.plant("lights", &[home]).await;
    let file = [
        r#"{"slug":"lamp","title":"Lamp","category":"home/lights","variants":[{"sku":"LAMP-1","price":{"amount":"12.50","currency":"USD"},"stock":4},{"sku":"LAMP-2","title":"Big","price":{"amount":"20.00","currency":"USD"}}]}"#,
        r#"{"slug":"desk","title":"Desk","status":"draft","variants":[{"sku":"DESK","price":{"amount":"99.00","currency":"USD"},"stock":1}]}"#,
    ]
    .join("\n");
    let (lines, summary) = world.import(NDJSON, &file).await;
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), [(1, "created"), (2, "created")], "{lines:?}");
    assert_eq!((&summary["rows"], &summary["created"], &summary["failed"]), (&json!(2), &json!(2), &json!(0)));
    let path = format!("/admin/v1/products/{}", lines[0]["product"].as_str().unwrap());
    let (_, lamp) = world.owner().get(&path).await;
    assert_eq!(
        (&lamp["category"], &lamp["variants"][0]["title"], &lamp["status"]),
        (&json!(lights), &json!("Lamp"), &json!("active"))
    );
    assert_eq!((world.level("LAMP-1").await, world.level("LAMP-2").await), ((4, 0, 0), (0, 0, 0)));

    let (lines, summary) = world.import(NDJSON, &file).await;
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), [(1, "unchanged"), (2, "unchanged")], "{summary}");
    let dearer = file.replace("12.50", "13.00").replace(r#""stock":1"#, r#""stock":7"#);
    let (lines, _) = world.import(NDJSON, &dearer).await;
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), [(1, "updated"), (2, "updated")]);
    assert_eq!(world.level("DESK").await, (7, 0, 0));
    world.assert_books_agree().await;

    // Two creations and one change of a product; stock is not part of its state.
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() == 3 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    let mut seen: Vec<_> = states.iter().map(|(_, state)| (state.slug.as_str().to_owned(), state.version)).collect();
    seen.sort();
    assert_eq!(seen, [("desk".to_owned(), 1), ("lamp".to_owned(), 1), ("lamp".to_owned(), 2)]);
    // What was published is deleted a moment later.
    eventually(PATIENCE, async || world.value("select count(*) from outbox").await == "0").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_json_row_is_reported_and_its_neighbours_are_imported() {
    let world = World::quiet().await;
    world.create("taken", &[("TAKEN", 100, 1)]).await;
    let variant = |sku: &str| format!(r#"{{"sku":"{sku}","price":{{"amount":"1.00","currency":"USD"}}}}"#);
    let file = [
        format!(r#"{{"slug":"one","title":"One","variants":[{}]}}"#, variant("ONE")),
        "this is no JSON".to_owned(),
        r#"{"slug":"two","title":"Two","variants":[{"sku":"TWO","price":{"amount":"1.005","currency":"USD"}}]}"#
            .to_owned(),
        format!(r#"{{"slug":"three","title":"Three","variants":[{},{}]}}"#, variant("THREE"), variant("TAKEN")),
        String::new(),
        format!(r#"{{"slug":"four","title":"Four","category":"nowhere","variants":[{}]}}"#, variant("FOUR")),
        r#"{"slug":"five","title":"Five","variants":[]}"#.to_owned(),
        format!(r#"{{"slug":"six","title":"Six","colour":"red","variants":[{}]}}"#, variant("SIX")),
        format!(r#"{{"slug":"seven","title":"Seven","variants":[{}]}}"#, variant("SEVEN")),
    ]
    .join("\n");
    let (lines, summary) = world.import(NDJSON, &file).await;
    let results: Vec<_> = lines.iter().map(result).collect();
    let expected = [
        (1, "created"),
        (2, "failed"),
        (3, "failed"),
        (4, "failed"),
        (6, "failed"),
        (7, "failed"),
        (8, "failed"),
        (9, "created"),
    ];
    assert_eq!(results, expected, "{lines:?}");
    assert_eq!(columns(&lines[2]), ["variants[0].price"], "{}", lines[2]);
    assert_eq!(columns(&lines[3]), ["variants[1].sku"], "{}", lines[3]);
    assert_eq!(columns(&lines[4]), ["category"], "{}", lines[4]);
    assert!(lines[4]["errors"][0]["reason"].as_str().unwrap().contains("nowhere"));
    assert!(lines[5]["errors"][0]["reason"].as_str().unwrap().contains("1 to 100 variants"), "{}", lines[5]);
    assert_eq!(columns(&lines[6]), ["colour"], "{}", lines[6]);
    assert_eq!((&summary["created"], &summary["failed"]), (&json!(2), &json!(6)));
    assert_eq!(world.value("select count(*) from products").await, "3");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_no_database_takes_is_a_wrong_row_like_any_other() {
    let world = World::quiet().await;
    let row = |slug: &str, category: &str| {
        format!(
            r#"{{"slug":"{slug}","title":"T","category":{category},"variants":[{{"sku":"{slug}","price":{{"amount":"1.00","currency":"USD"}}}}]}}"#
        )
    };
    let file = [row("nul", "\"\\u0000\""), row("good", "null")].join("\n");
    let (lines, summary) = world.import(NDJSON, &file).await;
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), [(1, "failed"), (2, "created")], "{summary}");
    assert_eq!(columns(&lines[0]), ["category"], "{}", lines[0]);
    assert!(summary["ended_early"].is_null(), "{summary}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_none_is_not_read_to_its_end() {
    let world = World::quiet().await;
    let (lines, summary) = world.import(NDJSON, &"x\n".repeat(50_000)).await;
    assert!((10_000..20_000).contains(&lines.len()), "{} rows were told", lines.len());
    assert!(summary["ended_early"].as_str().unwrap().contains("10000 rows were refused"), "{summary}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbouring_csv_rows_are_one_product_and_each_row_has_its_result() {
    let world = World::quiet().await;
    world.create("taken", &[("TAKEN", 100, 1)]).await;
    let file = "slug,title,category,status,sku,variant_title,price,currency,stock\r\n\
        lamp,\"Lamp, tall\",,active,LAMP-1,Black,12.50,USD,4\r\n\
        lamp,,,,LAMP-2,White,13.50,USD,\r\n\
        lamp,,,,LAMP-3,Red,much,USD,1\r\n\
        lamp,Chair,,,LAMP-4,Blue,1.00,USD,1\r\n\
        lamp,,,,TAKEN,Stolen,1.00,USD,1\r\n\
        desk,Desk,,draft,DESK,,99.00,USD,2\r\n\
        Not A Slug,Desk,,sold,D 1,,99,usd,-x\r\n";
    let (lines, summary) = world.import(CSV, file).await;
    let expected =
        [(2, "created"), (3, "created"), (4, "failed"), (5, "failed"), (6, "failed"), (7, "created"), (8, "failed")];
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), expected, "{lines:?}");
    assert_eq!(lines[0]["product"], lines[1]["product"]);
    assert_eq!(
        (columns(&lines[2]), columns(&lines[3]), columns(&lines[4])),
        (vec!["price"], vec!["title"], vec!["sku"])
    );
    assert_eq!(columns(&lines[6]), ["slug", "sku", "status", "stock", "currency"]);
    assert_eq!((&summary["created"], &summary["failed"]), (&json!(3), &json!(4)));
    let (_, lamp) = world.owner().get(&format!("/admin/v1/products/{}", lines[0]["product"].as_str().unwrap())).await;
    assert_eq!((&lamp["title"], lamp["variants"].as_array().unwrap().len()), (&json!("Lamp, tall"), 2), "{lamp}");
    assert_eq!(world.level("LAMP-1").await, (4, 0, 0));

    let (lines, _) = world.import(CSV, "slug,sku,stock\nlamp,LAMP-1,9\n").await;
    assert_eq!(result(&lines[0]), (2, "updated"), "{lines:?}");
    assert_eq!(world.level("LAMP-1").await, (9, 0, 0));
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_csv_product_with_too_many_variants_is_refused_whole() {
    let world = World::quiet().await;
    // One of the variants has a fault of its own, so without it there are 100 before the file goes on.
    world.create("taken", &[("many-3", 100, 1)]).await;
    let row = |slug: &str, number: u32| format!("{slug},T,{slug}-{number},1.00,USD,1\n");
    let head = "slug,title,sku,price,currency,stock\n".to_owned();
    let file: String = std::iter::once(head)
        .chain((1..=103).map(|number| row("many", number)))
        .chain((1..=100).map(|number| row("full", number)))
        .collect();
    let (lines, summary) = world.import(CSV, &file).await;
    let (many, full): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["slug"] == "many");
    assert_eq!((many.len(), full.len()), (103, 100), "a result for each row");
    assert!(many.iter().all(|line| line["result"] == "failed"), "{many:?}");
    for line in [many[0], many[102]] {
        assert!(line["errors"][0]["reason"].as_str().unwrap().contains("more than 100 variants"), "{line}");
    }
    assert!(full.iter().all(|line| line["result"] == "created"), "{summary}");
    assert_eq!(world.value("select count(*) from products").await, "2", "no half of a product");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_file_says_twice_is_followed_twice() {
    let world = World::quiet().await;
    let row = |title: &str, stock: u32| {
        format!(
            r#"{{"slug":"lamp","title":"{title}","variants":[{{"sku":"LAMP","price":{{"amount":"1.00","currency":"USD"}},"stock":{stock}}}]}}"#
        )
    };
    let (lines, _) = world.import(NDJSON, &[row("One", 1), row("Two", 2), row("Two", 2)].join("\n")).await;
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), [(1, "created"), (2, "updated"), (3, "unchanged")]);
    assert_eq!(world.level("LAMP").await, (2, 0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_kind_is_refused() {
    let world = World::quiet().await;
    let client = world.owner().with("content-type", "application/json");
    let reply = client.send(reqwest::Method::POST, "/admin/v1/imports", Some(b"{}".to_vec())).await;
    assert_eq!(reply.status, 415, "{}", reply.text());
    let (lines, summary) = world.import(CSV, "slug,sku,colour\nlamp,LAMP,red\n").await;
    assert_eq!(columns(&lines[0]), ["colour"], "{lines:?}");
    assert_eq!(summary["failed"], 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_of_one_big_file_at_once_end_in_one_catalog() {
    const PRODUCTS: usize = 3_000;
    let world = World::quiet().await;
    let mut file = String::new();
    for number in 0..PRODUCTS {
        let line = format!(
            r#"{{"slug":"p-{number}","title":"Product {number}","variants":[{{"sku":"SKU-{number}","price":{{"amount":"{}.00","currency":"USD"}},"stock":{}}}]}}"#,
            number % 90,
            number % 7
        );
        writeln!(file, "{line}").unwrap();
    }
    let ((one, first), (two, second)) = tokio::join!(world.import(NDJSON, &file), world.import(NDJSON, &file));
    assert_eq!((one.len(), two.len()), (PRODUCTS, PRODUCTS));
    let total = |field: &str| first[field].as_u64().unwrap() + second[field].as_u64().unwrap();
    assert_eq!((total("created"), total("unchanged"), total("failed")), (3_000, 3_000, 0), "{first} {second}");
    assert_eq!(world.value("select count(*) || ' ' || sum(version) from products").await, "3000 3000");
    world.assert_books_agree().await;
    let (_, again) = world.import(NDJSON, &file).await;
    assert_eq!(again["unchanged"], 3_000);
    println!("3,000 products twice at once: {first}; unchanged: {again}");
    world.stop().await;
}

/// Two rows with one slug: the second one makes the first one be written.
const TWICE: &str = r#"{"slug":"lamp","title":"One","variants":[{"sku":"LAMP","price":{"amount":"1.00","currency":"USD"}}]}
{"slug":"lamp","title":"Two","variants":[{"sku":"LAMP","price":{"amount":"1.00","currency":"USD"}}]}
"#;

/// The tasks that imports past HTTP run as.
fn tasks(world: &World) -> Tasks {
    world.running.boot().tasks(Stage::Requests, "imports")
}

/// Imports [`TWICE`] and whatever comes behind it, past HTTP. After a stop has begun, it goes on for `grace`.
async fn import_past_http(
    world: &World,
    tasks: Tasks,
    grace: Duration,
    rest: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
) -> BoxStream<'static, ImportLine> {
    let own = DefaultLocale(Locale::english());
    let imports = Imports::new(world.mediator().clone(), StaleProducts::default(), own, tasks, grace);
    let file = stream::iter([Ok(Bytes::from(TWICE))]).chain(rest);
    let by = world.scene.scope(&[Role::Owner]);
    imports.start(by, Format::Ndjson, file, |error| error.to_string()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_panics_says_so_in_its_summary_and_stops_nothing_else() {
    let world = World::quiet().await;
    let broken = stream::once(async { panic!("the source broke") });
    let lines: Vec<ImportLine> = import_past_http(&world, tasks(&world), PATIENCE, broken).await.collect().await;
    let [ImportLine::Row(row), ImportLine::Summary { summary }] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((row.line, summary.rows, summary.created), (1, 1, 1), "{lines:?}");
    assert!(summary.ended_early.as_deref().unwrap().contains("broke down"), "{summary:?}");
    let (lines, summary) = world.import(NDJSON, TWICE).await;
    assert_eq!(lines.iter().map(result).collect::<Vec<_>>(), [(1, "unchanged"), (2, "updated")], "{summary}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_fast_enough_is_finished_after_a_stop_has_begun() {
    const LATE: &str =
        r#"{"slug":"late","title":"Late","variants":[{"sku":"LATE","price":{"amount":"1.00","currency":"USD"}}]}"#;
    let world = World::quiet().await;
    let tasks = tasks(&world);
    let (stop_begins, stop_has_begun) = oneshot::channel();
    tasks.spawn("the stop is passed on", |stop| async move {
        stop.cancelled().await;
        stop_begins.send(()).unwrap();
    });
    let rest = stream::once(async {
        stop_has_begun.await.unwrap();
        Ok(Bytes::from(LATE))
    });
    let mut lines = import_past_http(&world, tasks, PATIENCE, rest).await;
    assert!(matches!(lines.next().await, Some(ImportLine::Row(_))));
    let (lines, ()) = tokio::join!(lines.collect::<Vec<_>>(), world.running.boot().stop());
    let Some(ImportLine::Summary { summary }) = lines.last() else { panic!("{lines:?}") };
    assert_eq!((summary.rows, summary.ended_early.as_deref()), (3, None), "{lines:?}");
    assert_eq!(world.value("select count(*) from products where slug = 'late'").await, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_takes_too_long_ends_in_order_when_the_service_stops() {
    let world = World::quiet().await;
    let grace = Duration::from_millis(50);
    let mut lines = import_past_http(&world, tasks(&world), grace, stream::pending()).await;
    // The first row is written, so the second one waits in its batch.
    assert!(matches!(lines.next().await, Some(ImportLine::Row(_))));
    let (lines, ()) = tokio::join!(lines.collect::<Vec<_>>(), world.running.boot().stop());
    let [ImportLine::Row(row), ImportLine::Summary { summary }] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((row.line, summary.rows), (2, 2), "what was read is imported: {lines:?}");
    assert!(summary.ended_early.as_deref().unwrap().contains("stopping"), "{summary:?}");
    assert_eq!(world.value("select title from products").await, "Two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_that_the_places_do_not_allow_fails_its_row_alone() {
    let world = World::quiet().await;
    for sku in ["LAMP", "CHAIR"] {
        world.create(&sku.to_lowercase(), &[(sku, 100, 10)]).await;
    }
    let owner = world.owner();
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    assert_eq!(owner.post("/admin/v1/locations", &hanoi).await.0, 201);
    let transfer = json!({"to": "hanoi", "pieces": 8});
    let (status, moved) = owner.post("/admin/v1/stock/LAMP/transfer", &transfer).await;
    assert_eq!(status, 201, "{moved}");
    let row = |sku: &str, stock: i64| {
        format!(
            "{{\"slug\": \"{}\", \"title\": \"x\", \"variants\": [{{\"sku\": \"{sku}\", \"stock\": {stock}}}]}}\n",
            sku.to_lowercase()
        )
    };
    let (rows, summary) = world.import("application/x-ndjson", &format!("{}{}", row("LAMP", 5), row("CHAIR", 7))).await;
    assert_eq!((&summary["failed"], &summary["updated"]), (&json!(1), &json!(1)), "{rows:?} {summary}");
    assert!(rows[0].to_string().contains("must not be less than the 8 that are at other locations"), "{rows:?}");
    assert_eq!(world.level("CHAIR").await, (7, 0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_says_on_its_topic_how_it_ended() {
    let world = World::connected().await;
    let row = r#"{"slug":"one","title":"One","variants":[{"sku":"ONE","price":{"amount":"1.00","currency":"USD"}}]}"#;
    let (_, summary) = world.import(NDJSON, &format!("{row}\nthis is no JSON")).await;
    let said = eventually(PATIENCE, async || {
        let said = world.said::<ImportEvent>().await;
        if said.is_empty() { Err("nothing is said") } else { Ok(said) }
    })
    .await;
    let [(envelope, ImportEvent::Finished(finished))] = &said[..] else { panic!("{said:?}") };
    assert_eq!(json!(finished.import), summary["import"]);
    assert_eq!((finished.rows, finished.created, finished.failed, &finished.ended_early), (2, 1, 1, &None));
    assert!(envelope.actor.starts_with("user_"), "{}", envelope.actor);
    world.stop().await;
}
