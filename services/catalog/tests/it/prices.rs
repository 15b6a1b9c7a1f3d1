//! Prices for a while: they come and go by themselves, and everything that shows a price shows the same one.

use std::time::Duration;

use catalog::processes::invalidation::StaleProducts;
use catalog::processes::prices::pass_due;
use contracts::catalog::{ProductState, Reason, ReservationEvent, VariantState};
use kernel::{ChannelCode, Clock, OrderId, Timestamp};
use serde_json::{Value, json};
use testkit::{Caller, Topics, eventually, problem_fields};

use crate::orders::placed;
use crate::world::{PATIENCE, World, price, usd};

/// How often the sweeps of these tests look for prices that were planned meanwhile, as in production.
const INTERVAL: Duration = Duration::from_millis(500);

fn variant(product: &Value, at: usize) -> &str {
    product["variants"][at]["id"].as_str().unwrap()
}

fn in_seconds(seconds: f64) -> Timestamp {
    Clock::now() + chrono::Duration::microseconds((seconds * 1e6) as i64)
}

fn time(value: &Value) -> Timestamp {
    Clock::parse(value.as_str().unwrap()).unwrap()
}

async fn asleep_until(moment: Timestamp) {
    // The moment at which a price begins or ends is a fixed time, and what is tested is what happens before and after it.
    tokio::time::sleep((moment - Clock::now()).to_std().unwrap_or_default()).await;
}

impl World {
    pub(crate) async fn add_price(&self, variant: &str, body: &Value) -> Value {
        let (status, added) = self.owner().post(&format!("/admin/v1/variants/{variant}/prices"), body).await;
        assert_eq!(status, 201, "{added}");
        added
    }

    async fn end_price(&self, entry: &Value) -> Value {
        let (variant, id) = (entry["variant"].as_str().unwrap(), entry["id"].as_str().unwrap());
        let path = format!("/admin/v1/variants/{variant}/prices/{id}/end");
        let (status, ended) = self.owner().post(&path, &json!({})).await;
        assert_eq!(status, 200, "{ended}");
        ended
    }

    /// What a variant costs, by the question that answers it.
    async fn cost(&self, variant: &str, question: &str) -> Value {
        let (status, answer) = self.owner().get(&format!("/admin/v1/variants/{variant}/price?{question}")).await;
        assert_eq!(status, 200, "{answer}");
        answer["price"].clone()
    }

    /// What is published of a product, once it has that version.
    async fn state(&self, product: &Value, version: i64) -> ProductState {
        let id = product["id"].as_str().unwrap();
        eventually(PATIENCE, async || {
            let mut states = self.said::<ProductState>().await.into_iter().map(|(_, state)| state);
            states.find(|state| state.product.to_string() == id && state.version == version)
        })
        .await
    }

    /// Looks for what is due, once.
    async fn sweep(&self) {
        pass_due(self.mediator(), &StaleProducts::default(), INTERVAL).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_opens_and_closes_by_itself_wherever_a_price_is_shown() {
    let world = World::sweeping(Topics::On, None, INTERVAL).await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 9)]).await;
    world.create("desk", &[("DESK", 900, 9)]).await;
    let shop = format!("/store/v1/{}/products", world.scene.slug());
    let shopper = world.client(Caller::Anonymous);
    let seen = async || {
        let product = shopper.get(&format!("{shop}/{}", lamp["id"].as_str().unwrap())).await.1;
        let sorted = shopper.get(&format!("{shop}?sort=price_from")).await.1;
        let cheap = shopper.get(&format!("{shop}?where=price_from:lt:\"6 USD\"")).await.1;
        let slugs = |page: &Value| -> Vec<Value> {
            page["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect()
        };
        (product["variants"][0]["price"].clone(), slugs(&sorted), slugs(&cheap))
    };
    let usual = (price(1_000), vec![json!("desk"), json!("lamp")], vec![]);
    let reduced = (price(500), vec![json!("lamp"), json!("desk")], vec![json!("lamp")]);
    assert_eq!(seen().await, usual);

    let (from, until) = (in_seconds(2.5), in_seconds(8.0));
    let sale = json!({"price": price(500), "channel": "shop", "valid_from": from, "valid_until": until});
    let planned = world.add_price(variant(&lamp, 0), &sale).await;
    assert_eq!((&planned["state"], &planned["kind"]), (&json!("planned"), &json!("window")));
    assert_eq!(seen().await, usual, "it has not begun");
    asleep_until(from - chrono::Duration::milliseconds(700)).await;
    assert_eq!(seen().await, usual, "it has not begun");
    eventually(PATIENCE, async || {
        let seen = seen().await;
        if seen == reduced { Ok(()) } else { Err(seen) }
    })
    .await;
    // The change is that of the moment, by the database's clock.
    let changed = || world.value("select updated_at::text from products where slug = 'lamp'");
    let late = async |moment: &str| {
        let sql = format!(
            "select extract(epoch from updated_at - '{moment}'::timestamptz) from products where slug = 'lamp'"
        );
        world.value(&sql).await.parse::<f64>().unwrap()
    };
    let opened = late(&from.to_rfc3339()).await;
    assert!((0.0..1.0).contains(&opened), "{opened} s late, at {}", changed().await);
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 1, 500)], 600)).await;
    let answer = async |order: OrderId| {
        eventually(PATIENCE, async || {
            world.said::<ReservationEvent>().await.into_iter().map(|(_, event)| event).find(|event| match event {
                ReservationEvent::Reserved(one) => one.order == order,
                ReservationEvent::Rejected(one) => one.order == order,
                _ => false,
            })
        })
        .await
    };
    assert!(matches!(answer(order).await, ReservationEvent::Reserved(_)), "an order at that price is taken");

    eventually(PATIENCE, async || {
        let seen = seen().await;
        if seen == usual { Ok(()) } else { Err(seen) }
    })
    .await;
    let closed = late(&until.to_rfc3339()).await;
    assert!((0.0..1.0).contains(&closed), "{closed} s late, at {}", changed().await);
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 1, 500)], 600)).await;
    match answer(order).await {
        ReservationEvent::Rejected(rejected) => {
            let [Reason::PriceChanged { offered, current, .. }] = rejected.reasons[..] else { panic!("{rejected:?}") };
            assert_eq!((offered, current), (usd(500), usd(1_000)));
        }
        other => panic!("{other:?}"),
    }
    let mut published = Vec::new();
    for version in 1..=3 {
        published.push(world.state(&lamp, version).await.variants[0].price);
    }
    assert_eq!(published, [1_000, 500, 1_000].map(usd), "what order keeps a copy of");
    let over = world.owner().get(&format!("/admin/v1/variants/{}/prices", variant(&lamp, 0))).await.1;
    assert_eq!(over["items"][0]["state"], "over");
    assert_eq!(world.value("select count(*) from prices where open or next_boundary is not null").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_replicas_each_price_has_its_effects_once() {
    let world = World::sweeping(Topics::On, None, INTERVAL).await;
    let other = world.replica(Topics::On, INTERVAL).await;
    let (from, until) = (in_seconds(6.0), in_seconds(7.0));
    for number in 0..30 {
        let product = world.create(&format!("lamp-{number}"), &[(&format!("LAMP-{number}"), 1_000, 1)]).await;
        let sale = json!({"price": price(500), "valid_from": from, "valid_until": until});
        world.add_price(variant(&product, 0), &sale).await;
    }
    let open = "select count(*) from prices where open";
    eventually(PATIENCE, async || world.value(open).await == "0").await;
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() >= 90 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    assert_eq!(states.len(), 90, "created, opened and closed, each once");
    assert_eq!(world.value("select string_agg(distinct version::text, ' ') from products").await, "3");
    other.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_is_cut_off_leaves_nothing_half_done_and_is_made_up_for() {
    let world = World::connected().await;
    let from = in_seconds(4.0);
    for number in 0..20 {
        let product = world.create(&format!("lamp-{number}"), &[(&format!("LAMP-{number}"), 1_000, 1)]).await;
        world.add_price(variant(&product, 0), &json!({"price": price(500), "valid_from": from})).await;
    }
    asleep_until(from + chrono::Duration::milliseconds(100)).await;
    let due = "select count(*) from prices where next_boundary is not null";
    assert_eq!(world.value(due).await, "20", "nobody looks");
    let half_done = "select count(*) from prices w join products p using (org_id, product_id) join variants v using (org_id, variant_id)
         where (w.next_boundary is null) <> (p.version = 2) or (p.version = 2) <> (v.shop_price_minor is not null)
            or (p.version = 2) <> (p.price_from_minor = 500)";
    // Cut off at more and more distant moments, until one gets through.
    for microseconds in (0..).step_by(700) {
        let stale = StaleProducts::default();
        let sweep = pass_due(world.mediator(), &stale, INTERVAL);
        let _cut_off = tokio::time::timeout(Duration::from_micros(microseconds), sweep).await;
        assert_eq!(world.value(half_done).await, "0");
        if world.value(due).await == "0" {
            break;
        }
    }
    world.sweep().await;
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() >= 40 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    assert_eq!((states.len(), world.value(half_done).await.as_str()), (40, "0"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_began_and_ended_while_no_replica_ran_is_over_at_once() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 1)]).await;
    // Time enough for a busy machine to plan it before it begins.
    let until = in_seconds(4.5);
    let sale = json!({"price": price(500), "valid_from": in_seconds(4.0), "valid_until": until});
    world.add_price(variant(&lamp, 0), &sale).await;
    asleep_until(until + chrono::Duration::milliseconds(100)).await;
    let replica = world.replica(Topics::Off, INTERVAL).await;
    eventually(PATIENCE, async || world.value("select count(*) from prices where open").await == "0").await;
    replica.stop().await;
    assert_eq!(world.value("select version || ' ' || price_from_minor from products").await, "2 1000");
    assert_eq!(world.value("select count(*) from variants where shop_price_minor is not null").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_prices_follow_one_rule_in_every_channel() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 1)]).await;
    let id = variant(&lamp, 0);
    let everywhere = world.add_price(id, &json!({"price": price(900)})).await;
    let market = world.add_price(id, &json!({"price": price(800), "channel": "market"})).await;
    let later = world.add_price(id, &json!({"price": price(850)})).await;
    let planned = json!({"price": price(1), "channel": "market", "valid_from": in_seconds(3_600.0)});
    let planned = world.add_price(id, &planned).await;
    let costs = async || {
        let mut costs = Vec::new();
        for question in ["", "channel=market", "channel=elsewhere", "channel=shop"] {
            costs.push(world.cost(id, question).await);
        }
        costs
    };
    assert_eq!(costs().await, [850, 800, 850, 850].map(price));
    let tomorrow = format!("channel=market&at={}", in_seconds(3_700.0).format("%Y-%m-%dT%H:%M:%SZ"));
    assert_eq!(world.cost(id, &tomorrow).await, price(1));

    // Created, and three prices that began at once; the planned one changed nothing yet.
    let offer = |state: &ProductState| {
        let VariantState { price, channel_prices, price_elsewhere, .. } = state.variants[0].clone();
        (price, channel_prices.into_iter().map(|one| (one.channel, one.price)).collect::<Vec<_>>(), price_elsewhere)
    };
    let market_code = ChannelCode::parse("market").unwrap();
    assert_eq!(offer(&world.state(&lamp, 4).await), (usd(850), vec![(market_code.clone(), usd(800))], None));
    let shop_only = world.add_price(id, &json!({"price": price(700), "channel": "shop"})).await;
    assert_eq!(offer(&world.state(&lamp, 5).await), (usd(700), vec![(market_code.clone(), usd(800))], Some(usd(850))));
    assert_eq!(costs().await, [700, 800, 850, 700].map(price));

    for entry in [&shop_only, &later, &market] {
        assert_eq!(world.end_price(entry).await["state"], "over");
    }
    assert_eq!(costs().await, [900, 900, 900, 900].map(price));
    let once = world.end_price(&everywhere).await;
    assert_eq!(world.end_price(&everywhere).await, once, "ending it again changes nothing");
    assert_eq!(world.end_price(&planned).await["state"], "over");
    assert_eq!(world.cost(id, &tomorrow).await, price(1_000));
    assert_eq!(costs().await, [1_000; 4].map(price));
    assert_eq!(offer(&world.state(&lamp, 9).await), (usd(1_000), vec![], None));
    assert_eq!(world.value("select version || ' ' || price_from_minor from products").await, "9 1000");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_says_what_everything_ever_cost_and_who_said_so() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 1), ("LAMP-2", 1_000, 1)]).await;
    let (id, path) = (variant(&lamp, 0), format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap()));
    let history = async |question: &str| {
        let (status, page) = world.owner().get(&format!("/admin/v1/variants/{id}/prices{question}")).await;
        assert_eq!(status, 200, "{page}");
        page
    };
    assert_eq!(history("").await["items"], json!([]), "a first price replaces none");
    let before = Clock::now();
    let change = json!({"title": "Dearer", "variants": [{"sku": "LAMP", "price": price(1_100)}, {"sku": "LAMP-2", "price": price(1_000)}]});
    assert_eq!(world.owner().with("if-match", "*").patch(&path, &change).await.0, 200);
    let between = Clock::now();
    let (_, summary) = world.import("text/csv", "slug,sku,price,currency\nlamp,LAMP,12.00,USD\n").await;
    assert_eq!(summary["updated"], 1, "{summary}");
    let sale = world.add_price(id, &json!({"price": price(500)})).await;
    let during = Clock::now();
    let ended = world.end_price(&sale).await;

    let page = history("?limit=2").await;
    assert_eq!(page["items"][0], ended);
    assert_eq!((&page["items"][1]["kind"], &page["items"][1]["price"]), (&json!("base"), &price(1_200)));
    assert_eq!((&page["items"][1]["former"], &page["items"][1]["state"]), (&price(1_100), &Value::Null));
    let rest = history(&format!("?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!((&rest["items"][0]["former"], &rest["items"][0]["price"]), (&price(1_000), &price(1_100)));
    assert!(rest["items"][0]["created_by"].as_str().unwrap().starts_with("user_"), "{rest}");
    assert!(time(&rest["items"][0]["valid_from"]) > before && time(&rest["items"][0]["valid_from"]) < between);
    assert_eq!(history("?open=true").await["items"], json!([]));
    assert_eq!(world.value("select count(*) from prices").await, "3", "the other variant's price is what it was");

    let at = |time: Timestamp| format!("at={}", time.format("%Y-%m-%dT%H:%M:%S%.6fZ"));
    for (moment, cents) in [(before, 1_000), (between, 1_100), (during, 500), (in_seconds(60.0), 1_200)] {
        assert_eq!(world.cost(id, &at(moment)).await, price(cents), "{moment}");
    }
    // A base price that changes below a price for a while changes nothing in the shop until that ends.
    world.add_price(id, &json!({"price": price(500)})).await;
    let change = json!({"variants": [{"sku": "LAMP", "price": price(1_300)}]});
    let (_, changed) = world.owner().with("if-match", "*").patch(&path, &change).await;
    assert_eq!(changed["variants"][0]["price"], price(1_300));
    assert_eq!(world.value("select price_from_minor from products").await, "500");
    let (_, found) = world.owner().get("/admin/v1/variants?fields=sku,price,shop_price&sort=sku").await;
    let lamp = json!({"sku": "LAMP", "price": price(1_300), "shop_price": price(500)});
    assert_eq!(found["items"][0], lamp, "{found}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_price_is_refused_by_the_name_of_its_field() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 1)]).await;
    let path = format!("/admin/v1/variants/{}/prices", variant(&lamp, 0));
    let dong = json!({"amount": "5", "currency": "VND"});
    let year_9999 = "9999-01-01T00:00:00Z";
    for (body, fields) in [
        (json!({}), vec!["price"]),
        (json!({"price": dong}), vec!["price"]),
        (json!({"price": {"amount": "-1", "currency": "USD"}}), vec!["price.amount"]),
        (json!({"price": price(1), "channel": "My Shop"}), vec!["channel"]),
        (json!({"price": price(1), "channel": "x".repeat(33)}), vec!["channel"]),
        (json!({"price": price(1), "channel": "a\u{0}"}), vec!["channel"]),
        (json!({"price": price(1), "valid_from": "soon", "valid_until": 7}), vec!["valid_until"]),
        (json!({"price": price(1), "valid_from": "soon"}), vec!["valid_from"]),
        (json!({"price": price(1), "valid_from": in_seconds(-60.0)}), vec!["valid_from"]),
        (json!({"price": price(1), "valid_until": in_seconds(-60.0)}), vec!["valid_until"]),
        (
            json!({"price": price(1), "valid_from": year_9999, "valid_until": year_9999}),
            vec!["valid_from", "valid_until"],
        ),
        (json!({"price": price(1), "colour": "red"}), vec!["colour"]),
    ] {
        let (status, problem) = world.owner().post(&path, &body).await;
        assert_eq!(status, 422, "{body}: {problem}");
        let named = problem_fields(&problem);
        for field in fields {
            assert!(named.contains(&field), "{body}: {problem}");
        }
    }
    let price_path = path.trim_end_matches('s');
    for question in ["at=now", "at=2026-01-01", "channel=A", "channel=", "when=1", "at=%2B262143-01-01T00:00:00Z"] {
        let (status, problem) = world.owner().get(&format!("{price_path}?{question}")).await;
        assert_eq!(status, 422, "{question}: {problem}");
    }
    for other in ["at=0000-01-01T00:00:00Z", "at=9999-12-31T23:59:59Z"] {
        assert_eq!(world.cost(variant(&lamp, 0), other).await, price(1_000));
    }

    // A product's currency stays while prices in it are planned, and there is a bound.
    let planned = json!({"price": price(1), "valid_from": in_seconds(3_600.0)});
    for _ in 0..50 {
        world.add_price(variant(&lamp, 0), &planned).await;
    }
    let (status, problem) = world.owner().post(&path, &planned).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/too-many-prices")), "{problem}");
    let product = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    let other_currency = json!({"variants": [{"sku": "LAMP", "price": dong}]});
    let (status, problem) = world.owner().with("if-match", "*").patch(&product, &other_currency).await;
    assert_eq!((status, problem_fields(&problem).len()), (422, 1), "{problem}");
    assert_eq!(world.owner().post(&format!("{product}/retire"), &json!({})).await.0, 200);
    let (status, problem) = world.owner().post(&path, &planned).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/product-retired")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_are_nobody_elses() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 1)]).await;
    let id = variant(&lamp, 0);
    let planned = world.add_price(id, &json!({"price": price(1), "valid_from": in_seconds(3_600.0)})).await;
    let (path, end) = (
        format!("/admin/v1/variants/{id}/prices"),
        format!("/admin/v1/variants/{id}/prices/{}/end", planned["id"].as_str().unwrap()),
    );
    let stranger = world.client(Caller::OtherOrganisation);
    assert_eq!(stranger.get(&path).await.1["items"], json!([]));
    assert_eq!(stranger.get(&format!("/admin/v1/variants/{id}/price")).await.0, 404);
    assert_eq!(stranger.post(&path, &json!({"price": price(1)})).await.0, 404);
    assert_eq!(stranger.post(&end, &json!({})).await.0, 404);
    let viewer = world.client(Caller::Viewer);
    assert_eq!(viewer.get(&path).await.1["items"][0], planned);
    assert_eq!(viewer.post(&path, &json!({"price": price(1)})).await.0, 403);
    assert_eq!(viewer.post(&end, &json!({})).await.0, 403);
    assert_eq!(world.client(Caller::Anonymous).get(&path).await.0, 401);
    assert_eq!(world.value("select count(*) from prices where open").await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_prices_of_a_deleted_draft_end_and_stay_in_the_history() {
    let world = World::quiet().await;
    let draft = json!({
        "slug": "lamp", "title": "Lamp", "status": "draft", "variants": [{"sku": "LAMP", "price": price(1_000)}],
    });
    let (_, lamp) = world.owner().post("/admin/v1/products", &draft).await;
    world.add_price(variant(&lamp, 0), &json!({"price": price(1), "valid_from": in_seconds(3_600.0)})).await;
    let path = format!("/admin/v1/products/{}", lamp["id"].as_str().unwrap());
    assert_eq!(world.owner().send(reqwest::Method::DELETE, &path, None).await.status, 200);
    let history = world.owner().get(&format!("/admin/v1/variants/{}/prices", variant(&lamp, 0))).await.1;
    assert_eq!(history["items"][0]["state"], "over");
    assert!(history["items"][0]["ended_by"].as_str().unwrap().starts_with("user_"), "{history}");
    assert_eq!(world.value("select count(*) from prices where open or next_boundary is not null").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_somebody_has_locked_does_not_hold_up_the_prices_of_others() {
    let world = World::quiet().await;
    let locked = world.create("locked", &[("LOCKED", 1_000, 1)]).await;
    let free = world.create("free", &[("FREE", 1_000, 1)]).await;
    let from = in_seconds(1.0);
    world.add_price(variant(&locked, 0), &json!({"price": price(500), "valid_from": from})).await;
    world.add_price(variant(&free, 0), &json!({"price": price(500), "valid_from": from})).await;
    // As many as one look finds, and all of them due before the other product's.
    world
        .execute(
            "insert into prices (org_id, price_id, product_id, variant_id, kind, amount_minor, currency, valid_from, created_at,
                                 created_by, open, next_boundary)
             select w.org_id, gen_random_uuid(), w.product_id, w.variant_id, 'window', 400, 'USD', w.valid_from, now(), 'x', true,
                    now() - interval '1 hour'
             from prices w join products p using (org_id, product_id), generate_series(1, 1000) where p.slug = 'locked'",
        )
        .await;
    let root = world.scene.superuser().await;
    root.batch_execute("begin; select 1 from products where slug = 'locked' for update").await.unwrap();
    asleep_until(from + chrono::Duration::milliseconds(100)).await;
    world.sweep().await;
    let passed = "select string_agg(slug, ' ' order by slug) from products where version = 2";
    assert_eq!(world.value(passed).await, "free");
    root.batch_execute("commit").await.unwrap();
    world.sweep().await;
    assert_eq!(world.value(passed).await, "free locked");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_base_prices_that_changed_at_one_moment_the_first_says_what_was_before() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 1_000, 1)]).await;
    // The entries lie in the table in the other order.
    world
        .execute(
            "insert into prices (org_id, price_id, product_id, variant_id, kind, amount_minor, currency, former, valid_from,
                                 created_at, created_by, open)
             select org_id, ('00000000-0000-7000-8000-00000000000' || n)::uuid, product_id, variant_id, 'base', 1000, 'USD',
                    jsonb_build_object('amount', n || '.00', 'currency', 'USD'), now() + interval '1 hour', now(), 'x', false
             from variants, generate_series(9, 1, -1) n",
        )
        .await;
    assert_eq!(world.cost(variant(&lamp, 0), "").await, price(100));
    world.stop().await;
}
