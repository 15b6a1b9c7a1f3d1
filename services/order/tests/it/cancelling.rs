//! Cancelling an order: by its holder, by staff, twice, and too late.

use serde_json::json;
use testkit::{Caller, Topics};

use crate::world::{Placed, World, one, settings, woken, woken_only};

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_twice_succeeds_and_is_said_once() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    let path = format!("{}/{}/cancel", world.orders(), placed.order);
    let holder = world.shopper().with("order-token", &placed.token);
    for _ in 0..2 {
        let (status, order) = holder.post(&path, &json!({})).await;
        assert_eq!((status, &order["status"], &order["cancel_cause"]), (200, &json!("cancelled"), &json!("shopper")));
        assert_eq!(order["version"], 2);
    }
    let (status, order) =
        world.client(Caller::Owner).post(&format!("/admin/v1/orders/{}/cancel", placed.order), &json!({})).await;
    assert_eq!((status, &order["cancel_cause"]), (200, &json!("shopper")), "who cancelled first stays");
    let said = "select string_agg(type, ' ' order by sequence) from outbox";
    assert_eq!(world.value(said).await, "order.order.placed.v1 order.order.cancelled.v1");
    let history =
        "select string_agg(concat_ws(' ', version, from_status, to_status, cause, actor), '; ' order by version)
                   from order_history";
    assert_eq!(world.value(history).await, "1 pending placed shopper; 2 pending cancelled shopper shopper");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_woken_when_staff_or_the_shopper_cancels() {
    for by in ["staff", "shopper"] {
        let world = World::start(woken_only(settings()), Topics::Off).await;
        world.sell(&[("MUG", 990)]).await;
        let (waiting, placed) = world.place_and_wait("MUG").await;
        let (client, orders) = match by {
            "staff" => (world.client(Caller::Owner), "/admin/v1/orders".to_owned()),
            _ => (world.shopper().with("order-token", &placed.token), world.orders()),
        };
        assert_eq!(client.post(&format!("{orders}/{}/cancel", placed.order), &json!({})).await.0, 200);
        let reply = woken(waiting).await;
        assert_eq!((reply.status, &reply.json()["cancel_cause"]), (201, &json!(by)), "{}", reply.text());
        assert_eq!(reply.json()["order_token"], placed.token);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_does_not_wait_gets_the_recorded_bytes_whatever_became_of_the_order() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    for first_waits in [false, true] {
        let key = format!("once-and-for-all-{first_waits}");
        let shopper = world.shopper().with("idempotency-key", &key);
        let first = if first_waits { shopper.clone().with("prefer", "wait=1") } else { shopper.clone() };
        let first = first.post_reply(&world.orders(), &one("MUG")).await;
        let cancel = format!("/admin/v1/orders/{}/cancel", Placed::of(&first).order);
        assert_eq!(world.client(Caller::Owner).post(&cancel, &json!({})).await.0, 200);
        for _ in 0..2 {
            let repeat = shopper.post_reply(&world.orders(), &one("MUG")).await;
            assert_eq!((repeat.status, &repeat.bytes), (202, &first.bytes), "{}", repeat.text());
            assert_eq!(repeat.header("location"), first.header("location"));
            assert_eq!(repeat.header("idempotency-replayed"), Some("true"));
        }
        // Whoever waits asks for the outcome, and gets it as it is now.
        let waiting = shopper.with("prefer", "wait=1").post_reply(&world.orders(), &one("MUG")).await;
        assert_eq!((waiting.status, &waiting.json()["status"]), (201, &json!("cancelled")), "{}", waiting.text());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_orders_token_cancels_nothing() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (mine, other) = (world.place("MUG").await, world.place("MUG").await);
    let path = format!("{}/{}/cancel", world.orders(), mine.order);
    let (status, _) = world.shopper().with("order-token", &other.token).post(&path, &json!({})).await;
    assert_eq!(status, 404);
    assert_eq!(world.read(mine.order).await["status"], "pending");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shipped_or_rejected_cannot_be_cancelled() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let (shipped, paid, rejected) = (world.place("MUG").await, world.place("MUG").await, world.place("MUG").await);
    for order in [shipped.order, paid.order] {
        world.reserved(order).await;
        world.reaches(order, "confirmed").await;
    }
    world.rejected(rejected.order, vec![]).await;
    world.reaches(rejected.order, "rejected").await;
    let staff = world.client(Caller::Owner);
    assert_eq!(staff.post(&format!("/admin/v1/orders/{}/ship", shipped.order), &json!({})).await.0, 201);
    let cash = json!({"kind": "received", "method": "cash", "amount": {"amount": "9.90", "currency": "USD"}});
    assert_eq!(staff.post(&format!("/admin/v1/orders/{}/payments", paid.order), &cash).await.0, 201);
    for order in [shipped.order, rejected.order] {
        let (status, problem) = staff.post(&format!("/admin/v1/orders/{order}/cancel"), &json!({})).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-not-cancellable")), "{problem}");
    }
    let path = format!("{}/{}", world.orders(), paid.order);
    let shopper = world.shopper().with("order-token", &paid.token);
    let (status, problem) = shopper.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(status, 409, "a shopper does not take money back: {problem}");
    assert_eq!(problem["possible"], json!(["request-cancellation"]), "{problem}");
    let wish = json!({"reason": "I ordered twice."});
    for _ in 0..2 {
        let (status, order) = shopper.post(&format!("{path}/cancel-request"), &wish).await;
        assert_eq!(
            (status, &order["status"], &order["version"]),
            (200, &json!("cancel-requested"), &json!(4)),
            "{order}"
        );
    }
    let (status, _) = staff.post(&format!("/admin/v1/orders/{}/cancel", paid.order), &json!({})).await;
    assert_eq!(status, 200);
    world.stop().await;
}
