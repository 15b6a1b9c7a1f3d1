//! Streams of what happens to an order: from what it is to its end, nothing missed and nothing twice.

use order::config::{FollowLimits, Settings};
use serde_json::{Value, json};
use testkit::{Caller, Client, EventStream, Reply, Topics};

use crate::world::{Placed, World, one, settings, woken_only};

/// The next event's id, and the status and the name of what it tells.
async fn next(stream: &mut EventStream) -> Option<(i64, String, String)> {
    let told = stream.next().await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(match told.name.as_str() {
        "order" => (told.id, text(&told.data["order"]["status"]), "order".to_owned()),
        _ => {
            let transition = &told.data["transition"];
            assert_eq!(transition["version"], told.id, "{transition}");
            let status = if transition["to"].is_string() { &transition["to"] } else { &transition["status"] };
            (told.id, text(status), text(&transition["event"]))
        }
    })
}

fn told(id: i64, status: &str, name: &str) -> Option<(i64, String, String)> {
    Some((id, status.to_owned(), name.to_owned()))
}

fn own(world: &World, placed: &Placed) -> (Client, String) {
    let holder = world.shopper().with("order-token", &placed.token);
    (holder, format!("{}/{}/events", world.orders(), placed.order))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_followed_from_what_it_is_to_its_end_and_again_from_any_event() {
    let world = World::start(woken_only(settings()), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    let (holder, path) = own(&world, &placed);
    let (staff, at) = (world.client(Caller::Owner), format!("/admin/v1/orders/{}", placed.order));
    let mut own = holder.follow(&path).await.unwrap();
    let mut seen = staff.follow(&format!("{at}/events")).await.unwrap();
    assert_eq!(next(&mut own).await, told(1, "pending", "order"));
    assert_eq!(next(&mut seen).await, told(1, "pending", "order"));

    assert_eq!(staff.post(&format!("{at}/notes"), &json!({"text": "Call her first."})).await.0, 201);
    assert_eq!(next(&mut seen).await, told(2, "pending", "note-added"));
    assert_eq!(staff.post(&format!("{at}/cancel"), &json!({})).await.0, 200);
    assert_eq!(next(&mut seen).await, told(3, "cancelled", "cancelled"));
    assert_eq!(next(&mut own).await, told(3, "cancelled", "cancelled"), "a note is the staff's own");
    assert_eq!((next(&mut own).await, next(&mut seen).await), (None, None), "nothing more is expected");

    for (last, behind) in [("1", vec![2, 3]), ("2", vec![3])] {
        let mut again = staff.clone().with("last-event-id", last).follow(&format!("{at}/events")).await.unwrap();
        let mut ids = Vec::new();
        while let Some(told) = again.next().await {
            ids.push(told.id);
        }
        assert_eq!(ids, behind, "behind {last}");
    }
    let refused = |reply: Result<EventStream, Reply>| reply.err().map(|reply| reply.status);
    assert_eq!(refused(holder.clone().with("last-event-id", "3").follow(&path).await), Some(204), "it has it all");
    assert_eq!(refused(holder.clone().with("last-event-id", "soon").follow(&path).await), Some(400));
    // A version that it never had is of another order.
    let mut anew = holder.clone().with("last-event-id", "99").follow(&path).await.unwrap();
    assert_eq!(next(&mut anew).await, told(3, "cancelled", "order"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_replica_does_is_told_too() {
    let world = World::quiet().await;
    let other = world.scene.start(order::assembly(settings()), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let placed = world.place("MUG").await;
    let (holder, path) = own(&world, &placed);
    let mut stream = holder.follow(&path).await.unwrap();
    assert_eq!(next(&mut stream).await, told(1, "pending", "order"));
    let staff = world.scene.client(other.base(), Caller::Owner);
    assert_eq!(staff.post(&format!("/admin/v1/orders/{}/cancel", placed.order), &json!({})).await.0, 200);
    assert_eq!(next(&mut stream).await, told(2, "cancelled", "cancelled"));
    other.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_follow_nothing_and_no_more_follow_than_may() {
    let limits = FollowLimits { most: 1, ..settings().following };
    let world = World::start(Settings { following: limits, ..settings() }, Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let (mine, other) = (world.place("MUG").await, world.place("MUG").await);
    let (holder, path) = own(&world, &mine);
    let status = async |client: Client| client.follow(&path).await.err().map(|reply| reply.status);
    assert_eq!(status(world.shopper()).await, Some(401));
    assert_eq!(status(world.shopper().with("order-token", &other.token)).await, Some(404));
    let mut stream = holder.follow(&path).await.unwrap();
    assert_eq!(next(&mut stream).await, told(1, "pending", "order"));
    let crowded = holder.follow(&path).await.err().unwrap();
    assert_eq!((crowded.status, crowded.header("retry-after")), (503, Some("5")), "{}", crowded.text());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_streams_and_does_not_wait_for_them() {
    let world = World::start(woken_only(settings()), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let placed = Placed::of(&world.shopper().post_reply(&world.orders(), &one("MUG")).await);
    let (holder, path) = own(&world, &placed);
    let mut stream = holder.follow(&path).await.unwrap();
    assert!(stream.next().await.is_some());
    let ((), end) = tokio::join!(world.stop(), stream.next());
    assert!(end.is_none(), "{end:?}");
}
