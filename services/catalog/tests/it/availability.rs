//! What can be sold: on its topic, in the shop, by the seller's terms, and explained.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use catalog::commands::publish_availability::{Locked, PublishAvailability};
use catalog::processes::availability::publish_marked;
use catalog::processes::invalidation::StaleProducts;
use catalog::queries::availability_marks::{FindMarks, MarkOrder};
use contracts::catalog::{Availability, AvailabilityState, Backorder, StockEvent};
use contracts::{Channel, Envelope, topics};
use kernel::{OrderId, Sku};
use mediator::Scope;
use serde_json::{Value, json};
use testkit::{Caller, Program, Scene, eventually, problem_fields};

use crate::orders::{cancelled, placed};
use crate::world::{PATIENCE, World, product};

impl World {
    async fn adjust(&self, sku: &str, body: Value) -> Value {
        let (status, reply) = self.owner().post(&format!("/admin/v1/stock/{sku}/adjust"), &body).await;
        assert_eq!(status, 201, "{reply}");
        reply
    }

    /// Waits until the last that was said of each SKU is what the tables have; gives it.
    async fn published(&self) -> BTreeMap<Sku, AvailabilityState> {
        last_said(&self.scene).await
    }
}

/// Waits until no SKU is marked and everything has left; the last that was said of each SKU, which is what the tables have.
pub(crate) async fn last_said(scene: &Scene) -> BTreeMap<Sku, AvailabilityState> {
    let root = scene.superuser().await;
    eventually(PATIENCE, async || {
        let row =
            root.query_one("select (select count(*) from availability_marks) + (select count(*) from outbox)", &[]);
        let left: i64 = row.await.unwrap().get(0);
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    let (mut last, mut told) = (BTreeMap::new(), BTreeSet::new());
    for record in scene.read(topics::AVAILABILITY.name).await {
        let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
        let Some(payload) = record.payload else { continue };
        let state = AvailabilityState::decode(&envelope.event_type, &payload).unwrap();
        assert_eq!(envelope.aggregate_version, state.version);
        let is_repeat = !told.insert(envelope.id);
        if let Some(before) = last.insert(state.sku.clone(), state.clone()) {
            // A relay that was killed before it noted what it had sent says it again, in the same order.
            let is_newer = before.variant != state.variant || before.version < state.version;
            assert!(is_repeat || is_newer, "{before:?} {state:?}");
        }
    }
    let rows =
        root.query("select sku, on_hand, on_hand - reserved - held - safety_stock from stock", &[]).await.unwrap();
    for row in rows {
        let state = &last[row.get::<_, &str>(0)];
        assert_eq!((state.on_hand, state.available), (row.get(1), row.get(2)), "{state:?}");
        let at: Vec<(&str, i64)> = state.locations.iter().map(|one| (one.location.as_str(), one.on_hand)).collect();
        assert_eq!(at.iter().map(|one| one.1).sum::<i64>(), state.on_hand, "{state:?}");
        let levels = "select location, on_hand from location_levels where sku = $1 and on_hand > 0 order by location";
        let levels = root.query(levels, &[&row.get::<_, &str>(0)]).await.unwrap();
        let elsewhere: Vec<(&str, i64)> = levels.iter().map(|level| (level.get(0), level.get(1))).collect();
        let others: Vec<(&str, i64)> = at.into_iter().filter(|one| one.0 != "default").collect();
        assert_eq!(others, elsewhere, "{state:?}");
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_topic_says_what_can_be_sold_of_every_sku_until_it_is_gone() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP", 500, 5), ("BULB", 100, 0)]).await;
    let said = world.published().await;
    assert_eq!((said["LAMP"].availability, said["LAMP"].sellable), (Availability::InStock, 5));
    assert_eq!((said["BULB"].availability, said["BULB"].sellable), (Availability::SoldOut, 0));
    assert_eq!(said["LAMP"].product.to_string(), lamp["id"].as_str().unwrap());

    let terms = json!({"low_threshold": 2, "safety_stock": 1, "backorder": {"policy": "up-to", "pieces": 3}});
    world.adjust("LAMP", terms).await;
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 6, 500)], 300)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (5, 6, 0)).await;
    let said = world.published().await["LAMP"].clone();
    assert_eq!((said.availability, said.available, said.sellable), (Availability::Backorder, -2, 1));
    assert_eq!((said.on_hand, said.safety_stock), (5, 1));
    assert_eq!(said.backorder, Backorder::UpTo { pieces: 3, promised_on: None });

    let draft = world.create("draft", &[("DRAFT", 500, 5)]).await;
    world.published().await;
    world.execute("update products set was_active = false, status = 'draft' where slug = 'draft'").await;
    let path = format!("/admin/v1/products/{}", draft["id"].as_str().unwrap());
    let reply = world.owner().with("if-match", "*").send(reqwest::Method::DELETE, &path, None).await;
    assert!(reply.status < 300, "{}", reply.text());
    world.published().await;
    let records = world.scene.read(topics::AVAILABILITY.name).await;
    let variant: kernel::VariantId = draft["variants"][0]["id"].as_str().unwrap().parse().unwrap();
    let of_draft: Vec<bool> = records
        .iter()
        .filter(|record| Envelope::from_headers(record.header_pairs()).unwrap().subject == variant.uuid())
        .map(|record| record.payload.is_some())
        .collect();
    assert_eq!(of_draft.last(), Some(&false), "nothing is said of it any more: {of_draft:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_on_one_sku_is_a_few_records_a_second_and_ends_on_the_last_value() {
    const EACH: i64 = 100;
    let world = World::connected().await;
    world.create("lamp", &[("HOT", 500, 1_000)]).await;
    world.published().await;
    let before = world.said::<AvailabilityState>().await.len();
    let began = Instant::now();
    let buyers = (0..4).map(|_| {
        let owner = world.owner();
        tokio::spawn(async move {
            for _ in 0..EACH {
                let (status, reply) = owner.post("/admin/v1/stock/HOT/adjust", &json!({"delta": -1})).await;
                assert_eq!(status, 201, "{reply}");
            }
        })
    });
    for buyer in buyers.collect::<Vec<_>>() {
        buyer.await.unwrap();
    }
    let order = placed(OrderId::new(), &[("HOT", 50, 500)], 300);
    world.scene.publish(1, &order).await;
    let rows = "select reserved from stock where sku = 'HOT'";
    eventually(PATIENCE, async || world.value(rows).await == "50").await;
    let (took, settled) = (began.elapsed(), Instant::now());
    let said = eventually(PATIENCE, async || {
        let said = world.said::<AvailabilityState>().await;
        let is_last = said.last().is_some_and(|(_, state)| state.available == 1_000 - 4 * EACH - 50);
        if is_last { Ok(said) } else { Err(said.len()) }
    })
    .await;
    let late = settled.elapsed();
    let records = said.len() - before;
    println!(
        "{} changes in {took:.1?}: {records} records, the last one {late:.0?} after the last change",
        4 * EACH + 1
    );
    assert!(records as f64 <= 2.0 + 5.0 * (took + late).as_secs_f64(), "{records} records in {took:?}");
    // A second on a quiet machine, and no more than the rush itself took on a busy one.
    assert!(late < took.max(Duration::from_secs(2)), "{late:?} after a rush of {took:?}");
    world.published().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_shows_within_a_second_whether_a_variant_can_be_had() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP", 500, 5)]).await;
    world.adjust("LAMP", json!({"low_threshold": 2})).await;
    world.published().await;
    let path = format!("/store/v1/{}/products/{}", world.scene.slug(), lamp["id"].as_str().unwrap());
    let shopper = world.client(Caller::Anonymous);
    let mut etag = String::new();
    let mut late = Vec::new();
    for (change, shown) in [
        (json!({"delta": 0, "low_threshold": 2}), json!(["in-stock", null])),
        (json!({"set": 2}), json!(["few-left", null])),
        (json!({"set": 0}), json!(["sold-out", null])),
        (
            json!({"backorder": {"policy": "unlimited", "promised_on": "2027-01-31"}}),
            json!(["backorder", "2027-01-31"]),
        ),
        (
            json!({"backorder": {"policy": "unlimited", "promised_on": "2027-02-28"}}),
            json!(["backorder", "2027-02-28"]),
        ),
        (json!({"set": 9, "safety_stock": 8}), json!(["few-left", null])),
        (json!({"safety_stock": 0}), json!(["in-stock", null])),
    ] {
        // It is in the cache, with what was true before.
        shopper.get(&path).await;
        world.adjust("LAMP", change).await;
        let changed = Instant::now();
        let reply = eventually(PATIENCE, async || {
            let reply = shopper.clone().with("if-none-match", &etag).send(reqwest::Method::GET, &path, None).await;
            let seen = if reply.status == 200 { reply.json()["variants"][0].clone() } else { Value::Null };
            if json!([seen["availability"], seen["promised_on"]]) == shown { Ok(reply) } else { Err(seen) }
        })
        .await;
        println!("{shown} after {:.0?}", changed.elapsed());
        late.push(changed.elapsed());
        reply.header("etag").unwrap().clone_into(&mut etag);
    }
    // Whatever else the machine does slows down some of the changes, not most of them.
    late.sort();
    assert!(late[3] < Duration::from_secs(1) && late[6] < Duration::from_secs(5), "{late:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_program_left_unpublished_is_found_by_the_next_one() {
    let scene = Scene::new(catalog::NAME, catalog::MIGRATIONS).await;
    let serve = || Program::serve(&scene, env!("CARGO_BIN_EXE_catalog"), &[]);
    let mut program = serve();
    scene.announce().await;
    let create = json!(product("lamp", &[("LAMP", 500, 5)])).to_string().into_bytes();
    let mut keyed = scene.client(program.base(), Caller::Owner).with("idempotency-key", "lamp");
    let method = reqwest::Method::POST;
    eventually(PATIENCE, async || {
        let sent = keyed.try_send(method.clone(), "/admin/v1/products", Some(create.clone())).await;
        sent.is_ok_and(|reply| reply.status == 201)
    })
    .await;
    for pieces in [7, 0, 3] {
        let body = json!({"set": pieces}).to_string().into_bytes();
        keyed = scene.client(program.base(), Caller::Owner).with("idempotency-key", &format!("set-{pieces}"));
        eventually(PATIENCE, async || {
            let sent = keyed.try_send(method.clone(), "/admin/v1/stock/LAMP/adjust", Some(body.clone())).await;
            sent.is_ok_and(|reply| reply.status == 201)
        })
        .await;
        // Killed before the mark has rested.
        drop(std::mem::replace(&mut program, serve()));
        scene.announce().await;
    }
    let said = last_said(&scene).await;
    assert_eq!(said["LAMP"].available, 3);
    assert_eq!(program.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_publish_each_change_once() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5), ("BULB", 100, 9)]).await;
    let (one, other) = (StaleProducts::default(), StaleProducts::default());
    for pieces in 1..=20 {
        world.adjust("LAMP", json!({"set": pieces})).await;
        world.adjust("BULB", json!({"set": pieces})).await;
        let (first, second) =
            tokio::join!(publish_marked(world.mediator(), &one), publish_marked(world.mediator(), &other));
        first.unwrap();
        second.unwrap();
    }
    // It checks that versions rise.
    assert_eq!(world.published().await["BULB"].sellable, 20);
    world.stop().await;
}

/// Versions of availability that wait for the broker, of a world without relay.
const RECORDED: &str = "select string_agg(aggregateversion::text, ' ' order by sequence) from outbox where aggregatetype like '%availability%'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_that_turns_whenever_it_is_looked_at_is_published_all_the_same_and_once_per_version() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 500, 0)]).await;
    let marked = "select count(*) from availability_marks";
    eventually(PATIENCE, async || world.value(marked).await == "0").await;
    // Not yet rested, so that nobody but this test takes it.
    let mark = "insert into availability_marks (org_id, sku, marked_at, turned_at, product_id)
                select s.org_id, s.sku, now() + interval '1 hour', now(), v.product_id from stock s join variants v using (org_id, variant_id)";
    world.execute(mark).await;
    let question = FindMarks { order: MarkOrder::Behind(None), rested: chrono::Duration::hours(-2), limit: 10 };
    let marks = world.mediator().ask(&Scope::platform_system(catalog::NAME), question).await.unwrap();
    assert_eq!(marks.len(), 1);
    world.adjust("LAMP", json!({"set": 5})).await;
    let scope = Scope::batch(catalog::NAME, marks.iter().map(|mark| mark.organisation));
    let publish = PublishAvailability { marks, locked: Locked::Left };
    assert!(world.mediator().send(&scope, publish).await.unwrap().is_empty());
    assert_eq!(world.value(RECORDED).await, "1 2", "what it is now, although it has turned since the mark was found");
    eventually(PATIENCE, async || world.value(marked).await == "0").await;
    assert_eq!(world.value(RECORDED).await, "1 2", "the cache has heard of it by now, and nothing is said twice");
    world.adjust("LAMP", json!({"set": 6})).await;
    eventually(PATIENCE, async || world.value(RECORDED).await == "1 2 3").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_that_somebody_has_locked_holds_up_no_other() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 500, 0), ("BULB", 100, 9)]).await;
    let marked = "select string_agg(sku, ' ' order by sku) from availability_marks";
    eventually(PATIENCE, async || world.value(marked).await.is_empty()).await;
    // Nothing is said twice of a version.
    world.execute("update stock set version = version + 1").await;
    let root = world.scene.superuser().await;
    root.batch_execute("begin; select 1 from stock where sku = 'BULB' for update").await.unwrap();
    let mark = "insert into availability_marks (org_id, sku, marked_at) select org_id, sku, now() - interval '1 hour' from stock";
    world.execute(mark).await;
    eventually(PATIENCE, async || world.value(marked).await == "BULB").await;
    root.batch_execute("commit").await.unwrap();
    eventually(PATIENCE, async || world.value(marked).await.is_empty()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_now_does_not_wait_behind_a_long_queue() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 500, 0)]).await;
    eventually(PATIENCE, async || world.value("select count(*) from availability_marks").await == "0").await;
    // The queue is in front of the SKU, and what of it is left is noted when the SKU's mark goes.
    world
        .execute(
            "create table queue_left (marks bigint);
             create function note_queue() returns trigger language plpgsql security definer as $$
             begin
               insert into catalog.queue_left select count(*) from catalog.availability_marks where sku like 'OLD-%';
               return null;
             end $$;
             create trigger note_queue after delete on availability_marks for each row when (old.sku = 'LAMP')
               execute function note_queue();
             insert into availability_marks (org_id, sku, marked_at)
             select '00000000-0000-7000-8000-000000000001', 'OLD-' || n, now() - interval '1 hour' from generate_series(1, 100000) n",
        )
        .await;
    world.adjust("LAMP", json!({"set": 5})).await;
    let left = eventually(PATIENCE, async || {
        let left = world.value("select max(marks) from queue_left").await;
        if left.is_empty() { Err(left) } else { Ok(left) }
    })
    .await;
    assert!(left.parse::<i64>().unwrap() > 0, "it was published after the whole queue");
    eventually(PATIENCE, async || world.value("select count(*) from availability_marks").await == "0").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_are_checked_and_the_warning_comes_with_each_crossing() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 100, 10)]).await;
    for (wrong, faulty) in [
        (json!({"safety_stock": -1}), vec!["safety_stock"]),
        (json!({"backorder": {"policy": "up-to"}}), vec!["backorder.pieces"]),
        (json!({"backorder": {"policy": "up-to", "pieces": 0}}), vec!["backorder.pieces"]),
        (json!({"backorder": {"policy": "no", "pieces": 1}}), vec!["backorder.pieces"]),
        (json!({"backorder": {"policy": "unlimited"}}), vec!["backorder.promised_on"]),
        (json!({"backorder": {"policy": "unlimited", "promised_on": "2027-02-30"}}), vec!["backorder.promised_on"]),
        (json!({"backorder": {"policy": "no", "promised_on": "2027-02-20"}}), vec!["backorder.promised_on"]),
    ] {
        let (status, problem) = world.owner().post("/admin/v1/stock/LAMP/adjust", &wrong).await;
        assert_eq!((status, problem_fields(&problem)), (422, faulty), "{wrong}: {problem}");
    }
    world.adjust("LAMP", json!({"low_threshold": 3})).await;
    world.adjust("LAMP", json!({"safety_stock": 6})).await;
    world.adjust("LAMP", json!({"safety_stock": 7})).await;
    world.adjust("LAMP", json!({"safety_stock": 10})).await;
    let kept = world.adjust("LAMP", json!({"safety_stock": 12})).await;
    assert_eq!(
        (&kept["available"], &kept["sellable"], &kept["availability"]),
        (&json!(-2), &json!(0), &json!("sold-out"))
    );
    // Whoever asks for products by what can be sold of them is told the same.
    for (path, found) in [("available:eq:-2", 1), ("available:gte:0", 0)] {
        let (status, page) = world.owner().get(&format!("/admin/v1/products?where={path}")).await;
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(found)), "{path}: {page}");
    }
    world.adjust("LAMP", json!({"safety_stock": 0})).await;
    world.adjust("LAMP", json!({"set": 0})).await;
    let said = eventually(PATIENCE, async || {
        let said = world.said::<StockEvent>().await;
        if said.len() >= 3 { Ok(said) } else { Err(said) }
    })
    .await;
    let seen: Vec<_> = said.iter().map(|(_, StockEvent::Low(low))| (low.available, low.depleted)).collect();
    assert_eq!(seen, [(3, false), (0, true), (0, true)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_is_true_whatever_was_promised_and_the_books_explain_it() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 6, 500)], 300)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (10, 6, 0)).await;
    let count = async |body: Value| world.owner().post("/admin/v1/stock/LAMP/count", &body).await;
    for (wrong, faulty) in [
        (json!({}), vec!["counted"]),
        (json!({"counted": -1}), vec!["counted"]),
        (json!({"counted": 1, "reason": "a\0b"}), vec!["reason"]),
    ] {
        let (status, problem) = count(wrong).await;
        assert_eq!((status, problem_fields(&problem)), (422, faulty), "{problem}");
    }
    let (status, counted) = count(json!({"counted": 4, "reason": "yearly"})).await;
    assert_eq!((status, &counted["on_hand"], &counted["available"]), (201, &json!(4), &json!(-2)), "{counted}");
    let (status, refused) = world.owner().post("/admin/v1/stock/LAMP/adjust", &json!({"delta": -1})).await;
    assert_eq!((status, &refused["type"]), (409, &json!("/problems/stock-conflict")));
    world.adjust("LAMP", json!({"delta": 1})).await;
    assert_eq!(count(json!({"counted": 5})).await.0, 201);
    let (_, page) = world.owner().get("/admin/v1/stock/LAMP/movements?limit=3").await;
    let kinds: Vec<_> = page["items"].as_array().unwrap().iter().map(|one| (&one["kind"], &one["on_hand"])).collect();
    assert_eq!(kinds, [(&json!("count"), &json!(0)), (&json!("adjust"), &json!(1)), (&json!("count"), &json!(-6))]);

    let variant = world.owner().get("/admin/v1/stock/LAMP").await.1["variant"].clone();
    for key in ["LAMP", variant.as_str().unwrap()] {
        let (status, why) = world.owner().get(&format!("/admin/v1/stock/{key}/explain")).await;
        assert_eq!(
            (status, &why["ledger_agrees"], &why["stock"]["available"]),
            (200, &json!(true), &json!(-1)),
            "{why}"
        );
        assert_eq!(
            why["summary"],
            "-1 are available: 5 on hand, less 6 reserved for orders that are not confirmed yet. Orders were promised 1 more than \
             there are."
        );
        let steps: Vec<_> =
            why["steps"].as_array().unwrap().iter().map(|step| step["text"].as_str().unwrap()).collect();
        let told = [
            "Adjustments changed the pieces on hand by +11.",
            "Counts found 6 fewer than the books said.",
            "Orders reserved 6.",
        ];
        assert_eq!(steps, told);
        let open = &why["orders"][0];
        assert_eq!((&open["order"], &open["pieces"]), (&json!(order), &json!(6)));
        assert_eq!(open["confirmed"], false);
        assert!(open["expires_at"].is_string(), "{why}");
    }
    assert_eq!(world.owner().get("/admin/v1/stock/NOTHING/explain").await.0, 404);
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_short_may_not_once_everything_promised_is_there() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 2)]).await;
    let may_be_short = async || world.value("select may_be_short from stock").await == "true";
    world.adjust("LAMP", json!({"backorder": {"policy": "up-to", "pieces": 3}})).await;
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 5, 500)], 300)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (2, 5, 0)).await;
    world.adjust("LAMP", json!({"backorder": {"policy": "no"}})).await;
    assert!(may_be_short().await, "three are owed");
    world.adjust("LAMP", json!({"delta": 2})).await;
    assert!(may_be_short().await, "one is owed");
    world.adjust("LAMP", json!({"delta": 1})).await;
    assert!(!may_be_short().await, "the debt is paid");

    // By a count that finds less, and an order that is cancelled.
    assert_eq!(world.owner().post("/admin/v1/stock/LAMP/count", &json!({"counted": 1})).await.0, 201);
    assert!(may_be_short().await);
    world.scene.publish(2, &cancelled(order)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (1, 0, 0)).await;
    assert!(!may_be_short().await, "nothing is owed");
    world.adjust("LAMP", json!({"backorder": {"policy": "up-to", "pieces": 3}})).await;
    assert!(may_be_short().await, "the terms allow it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_topic_says_what_each_location_has_also_when_the_sum_stays() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 9)]).await;
    for code in ["hanoi", "hue"] {
        let body = json!({"code": code, "name": code, "priority": 1});
        assert_eq!(world.owner().post("/admin/v1/locations", &body).await.0, 201);
    }
    let at = |said: &BTreeMap<Sku, AvailabilityState>| -> Vec<(String, i64)> {
        said["LAMP"].locations.iter().map(|one| (one.location.to_string(), one.on_hand)).collect()
    };
    let has = |code: &str, pieces| (code.to_owned(), pieces);
    assert_eq!(at(&world.published().await), [has("default", 9)]);
    for (moved, wanted) in [
        (json!({"to": "hanoi", "pieces": 4}), vec![has("default", 5), has("hanoi", 4)]),
        (json!({"from": "hanoi", "to": "hue", "pieces": 1}), vec![has("default", 5), has("hanoi", 3), has("hue", 1)]),
        (json!({"to": "hue", "pieces": 5}), vec![has("hanoi", 3), has("hue", 6)]),
    ] {
        let (status, reply) = world.owner().post("/admin/v1/stock/LAMP/transfer", &moved).await;
        assert_eq!(status, 201, "{reply}");
        assert_eq!(at(&world.published().await), wanted);
    }
    // Of what it has, a channel that sells from one place sells what no order is to have.
    world.scene.publish(1, &placed(OrderId::new(), &[("LAMP", 2, 500)], 300)).await;
    eventually(PATIENCE, async || world.level("LAMP").await == (9, 2, 0)).await;
    let promised: i64 = world.published().await["LAMP"].locations.iter().map(|one| one.promised).sum();
    assert_eq!(promised, 2);
    world.stop().await;
}
