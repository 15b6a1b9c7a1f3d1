//! Customers of the shop and their orders; guests; and how many orders somebody may hold open.

use kernel::CustomerId;
use order::{config::Settings, domain::HoldLimits};
use serde_json::{Value, json};
use testkit::{Client, Topics};
use uuid::Uuid;

use crate::world::{World, settings};

async fn place(world: &World, client: &Client) -> (u16, Value) {
    let body = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    client.clone().with("idempotency-key", &Uuid::new_v4().to_string()).post(&world.orders(), &body).await
}

async fn listed(world: &World, client: &Client) -> Vec<String> {
    let (status, page) = client.get(&world.orders()).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
}

fn at(world: &World, order: &Value) -> String {
    format!("{}/{}", world.orders(), order["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sees_and_cancels_their_own_orders_and_nobody_elses() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (cleo, dan) = (world.customer(CustomerId::new()), world.customer(CustomerId::new()));
    let (_, first) = place(&world, &cleo).await;
    let (_, second) = place(&world, &cleo).await;
    let (_, of_dan) = place(&world, &dan).await;
    let (_, of_guest) = place(&world, &world.shopper()).await;
    let ids = [&second, &first].map(|order| order["id"].as_str().unwrap().to_owned());
    assert_eq!(listed(&world, &cleo).await, ids, "newest first");
    let (_, page) = cleo.get(&format!("{}?limit=1", world.orders())).await;
    let next = page["next_cursor"].as_str().unwrap();
    let (_, rest) = cleo.get(&format!("{}?limit=1&cursor={next}", world.orders())).await;
    assert_eq!((&page["items"][0]["id"], &rest["items"][0]["id"]), (&second["id"], &first["id"]));

    assert_eq!(cleo.get(&at(&world, &first)).await.0, 200, "without the token");
    for other in [&of_dan, &of_guest] {
        assert_eq!(cleo.get(&at(&world, other)).await.0, 404);
        assert_eq!(cleo.post(&format!("{}/cancel", at(&world, other)), &json!({})).await.0, 404);
    }
    let (status, cancelled) = cleo.post(&format!("{}/cancel", at(&world, &first)), &json!({})).await;
    assert_eq!((status, &cancelled["cancel_cause"]), (200, &json!("shopper")), "{cancelled}");
    let guest = world.shopper();
    assert_eq!((guest.get(&world.orders()).await.0, guest.get(&at(&world, &first)).await.0), (401, 401));
    let with_token = guest.with("order-token", second["order_token"].as_str().unwrap());
    assert_eq!(with_token.get(&at(&world, &second)).await.0, 200, "the token is good for whoever holds it");
    let root = world.scene.superuser().await;
    let actor = "select actor from order_history where cause = 'placed' order by occurred_at limit 1";
    assert!(root.query_one(actor, &[]).await.unwrap().get::<_, String>(0).starts_with("cust_"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_order_is_claimed_once_by_whoever_has_its_token() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (cleo, dan) = (world.customer(CustomerId::new()), world.customer(CustomerId::new()));
    let (_, order) = place(&world, &world.shopper()).await;
    let (_, other) = place(&world, &world.shopper()).await;
    let claim = format!("{}/claim", at(&world, &order));
    assert_eq!(cleo.post(&claim, &json!({})).await.0, 401, "without the token");
    let holding = |client: &Client, of: &Value| client.clone().with("order-token", of["order_token"].as_str().unwrap());
    assert_eq!(holding(&cleo, &other).post(&claim, &json!({})).await.0, 404, "with another order's token");
    assert_eq!(holding(&world.shopper(), &order).post(&claim, &json!({})).await.0, 401, "a guest has no account");
    for _ in 0..2 {
        assert_eq!(holding(&cleo, &order).post(&claim, &json!({})).await.0, 200);
    }
    assert_eq!(holding(&dan, &order).post(&claim, &json!({})).await.0, 404, "it is somebody's already");
    assert_eq!((listed(&world, &cleo).await.len(), listed(&world, &dan).await.len()), (1, 0));
    // The claim stands in the timeline once, with who and when, and is told with the customer.
    let staff = world.client(testkit::Caller::Owner);
    let (_, timeline) = staff.get(&format!("/admin/v1/orders/{}/timeline", order["id"].as_str().unwrap())).await;
    let entries = timeline["items"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{timeline}");
    let (_, me) = cleo.get(&world.orders()).await;
    let told = "select concat_ws(' ', type, payload::jsonb ->> 'customer', payload::jsonb -> 'standing' ->> 'customer',
                                 aggregateversion)
                from outbox where type like '%claimed%'";
    let customer = world.value("select actor from order_history where event = 'claimed'").await;
    assert!(customer.starts_with("cust_"), "{customer}");
    assert_eq!(world.value(told).await, format!("order.order.claimed.v1 {customer} {customer} 2"));
    let entry = &entries[0];
    assert_eq!(
        (&entry["event"], &entry["cause"], &entry["actor"], &entry["version"], &entry["from"], &entry["to"]),
        (&json!("claimed"), &json!("claim"), &json!(customer), &json!(2), &json!("pending"), &json!("pending")),
        "{entry}"
    );
    assert!(entry["occurred_at"].is_string() && me["items"][0]["id"] == order["id"], "{entry} {me}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_customers_who_claim_one_order_at_once_one_has_it() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    for _ in 0..5 {
        let (_, order) = place(&world, &world.shopper()).await;
        let claim = format!("{}/claim", at(&world, &order));
        let token = order["order_token"].as_str().unwrap();
        let claiming = (0..6).map(|_| {
            let (client, claim) = (world.customer(CustomerId::new()).with("order-token", token), claim.clone());
            async move { client.post(&claim, &json!({})).await.0 }
        });
        let mut answers = futures::future::join_all(claiming).await;
        answers.sort_unstable();
        assert_eq!(answers, [200, 404, 404, 404, 404, 404]);
    }
    assert_eq!(world.value("select count(*) from order_history where event = 'claimed'").await, "5");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_without_guests_takes_orders_of_its_customers_only() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let cleo = world.customer(CustomerId::new());
    let (_, earlier) = place(&world, &world.shopper()).await;
    world.scene.takes_guests(false);
    let holder = world.shopper().with("order-token", earlier["order_token"].as_str().unwrap());
    assert_eq!(holder.get(&at(&world, &earlier)).await.0, 200, "an order from before keeps its holder");
    let (status, problem) = place(&world, &world.shopper()).await;
    assert_eq!((status, &problem["type"]), (401, &json!("/problems/unauthenticated")), "{problem}");
    assert_eq!(place(&world, &cleo).await.0, 202);
    let expired = world.shopper().with("authorization", "Bearer expired");
    world.scene.takes_guests(true);
    assert_eq!(place(&world, &expired).await.0, 401, "a bad token makes nobody a guest");
    let elsewhere = format!("/store/v1/{}/orders", world.scene.other_slug());
    let body = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    assert_eq!(cleo.post(&elsewhere, &body).await.0, 403, "an account of another shop");
    let staff = world.client(testkit::Caller::Owner);
    assert_eq!(place(&world, &staff).await.0, 202, "the staff buy as guests");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_orders_of_a_customer_and_of_an_address_have_a_limit() {
    let limits = HoldLimits { per_customer: 3, per_address: 5 };
    let world = World::start(Settings { limits, ..settings() }, Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let from = |client: &Client, address: &str| client.clone().with("x-forwarded-for", address);
    let (cleo, dan) = (world.customer(CustomerId::new()), world.customer(CustomerId::new()));
    let mut placed = Vec::new();
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        let (status, order) = place(&world, &from(&cleo, address)).await;
        assert_eq!(status, 202, "{order}");
        placed.push(order);
    }
    let (status, problem) = place(&world, &from(&cleo, "203.0.113.4")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/too-many-open-orders")), "{problem}");
    assert_eq!(cleo.post(&format!("{}/cancel", at(&world, &placed[0])), &json!({})).await.0, 200);
    assert_eq!(place(&world, &from(&cleo, "203.0.113.4")).await.0, 202, "one is no longer open");

    let guest = from(&world.shopper(), "198.51.100.1");
    for _ in 0..5 {
        assert_eq!(place(&world, &guest).await.0, 202);
    }
    assert_eq!(place(&world, &guest).await.0, 409, "six from one address");
    assert_eq!(place(&world, &from(&dan, "198.51.100.1")).await.0, 409, "whoever asks from there");
    assert_eq!(place(&world, &from(&dan, "198.51.100.2")).await.0, 202);
    let root = world.scene.superuser().await;
    root.batch_execute("update orders set placed_at = placed_at - interval '25 hours'").await.unwrap();
    assert_eq!(place(&world, &guest).await.0, 202, "a day later");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_its_turn_counts_as_an_open_one_until_it_is_cancelled() {
    let limits = HoldLimits { per_customer: 3, per_address: 5 };
    let world = World::start(Settings { limits, ..settings() }, Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let from = |client: &Client, address: &str| client.clone().with("x-forwarded-for", address);
    let queue = format!("{}/queue", world.orders());
    let body = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    let queueing = async |client: &Client| {
        client.clone().with("idempotency-key", &Uuid::new_v4().to_string()).post(&queue, &body).await
    };
    let (cleo, dan) = (world.customer(CustomerId::new()), world.customer(CustomerId::new()));
    let mine = from(&cleo, "203.0.113.1");
    assert_eq!(place(&world, &mine).await.0, 202);
    let (_, waiting) = queueing(&mine).await;
    assert_eq!(queueing(&mine).await.0, 202);
    let too_many = json!("/problems/too-many-open-orders");
    for (status, problem) in [queueing(&mine).await, place(&world, &mine).await] {
        assert_eq!((status, &problem["type"]), (409, &too_many), "{problem}");
    }
    let cancel = format!("{queue}/{}/cancel", waiting["id"].as_str().unwrap());
    assert_eq!(cleo.post(&cancel, &json!({})).await.0, 200);
    assert_eq!(place(&world, &mine).await.0, 202, "one waits no longer");
    // Staff queues for whom it wants, and takes no place of theirs.
    let of_cleo = world.value("select customer_id from orders limit 1").await;
    let of_cleo = CustomerId::from_uuid(of_cleo.parse().unwrap());
    let entered = json!({"lines": body["lines"], "customer": of_cleo});
    for _ in 0..4 {
        assert_eq!(world.client(testkit::Caller::Owner).post("/admin/v1/orders/queue", &entered).await.0, 202);
    }
    let third = format!("{}/cancel", at(&world, &json!({"id": listed(&world, &cleo).await[0]})));
    assert_eq!(cleo.post(&third, &json!({})).await.0, 200);
    assert_eq!(place(&world, &mine).await.0, 202, "what staff queued for them is not theirs to count");
    let guest = from(&world.shopper(), "198.51.100.1");
    for _ in 0..5 {
        assert_eq!(queueing(&guest).await.0, 202);
    }
    for client in [&guest, &from(&dan, "198.51.100.1")] {
        let (status, problem) = queueing(client).await;
        assert_eq!((status, &problem["type"]), (409, &too_many), "{problem}");
    }
    assert_eq!(place(&world, &guest).await.0, 409, "by whichever way");
    assert_eq!(queueing(&from(&dan, "198.51.100.2")).await.0, 202);
    world.stop().await;
}
