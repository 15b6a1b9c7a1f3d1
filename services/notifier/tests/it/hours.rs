//! When a destination is told: at once, after quiet hours, by the clock, or as a number where there is a flood.

use chrono::TimeDelta;
use contracts::order::{OrderEvent, Oversold, OversoldLine};
use kernel::{Clock, OrderId, Quantity, Sku};
use notifier::config::Settings;
use serde_json::{Value, json};
use testkit::{Caller, Topics, eventually};

use crate::messages::imported;
use crate::stage::{GROUPS, PATIENCE, Stage, confirmed, placed};

fn oversold(order: OrderId) -> OrderEvent {
    let lines = vec![OversoldLine { sku: Sku::parse("TEA-1").unwrap(), quantity: Quantity::new(2).unwrap() }];
    OrderEvent::Oversold(Oversold { order, lines, standing: imported() })
}

/// Hours around now, by the clocks of UTC.
fn quiet_now() -> Value {
    let at = |hours| (Clock::now() + TimeDelta::hours(hours)).format("%H:%M").to_string();
    json!({"from": at(-2), "until": at(2)})
}

/// Waits until this many deliveries wait for their time, and says how many of them are of a flood.
async fn waiting(stage: &Stage, number: i64) -> i64 {
    let waiting = "select count(*), count(*) filter (where collapsed) from deliveries
        where state = 'pending' and not_before > now()";
    eventually(PATIENCE, async || {
        let row = stage.superuser.query_one(waiting, &[]).await.unwrap();
        if row.get::<_, i64>(0) == number { Ok(row.get(1)) } else { Err(row.get::<_, i64>(0)) }
    })
    .await
}

/// The clock goes on until everything may be told.
async fn time_passes(stage: &Stage) {
    let pass =
        "update deliveries set created_at = created_at - interval '1 day', not_before = now() - interval '1 second'
        where state = 'pending'";
    stage.superuser.batch_execute(pass).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_hours_only_what_is_critical_is_told_and_the_rest_comes_together_afterwards() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let wanted = json!({"name": "Asleep", "rules": {"quiet": quiet_now()}});
    let destination = stage.linked(&replica, Caller::Owner, &wanted, GROUPS[0]).await;
    let (first, second) = (OrderId::new(), OrderId::new());
    stage.scene.send(&[stage.record(1, &placed(first)), stage.record(2, &confirmed(first))]).await;
    stage.scene.publish(1, &oversold(second)).await;
    let told = stage.told_in(GROUPS[0], 2).await;
    assert!(told[1].contains("❗ Oversold") && !told[1].contains("Placed"), "{told:?}");
    assert_eq!(waiting(&stage, 2).await, 0);
    time_passes(&stage).await;
    let told = stage.told_in(GROUPS[0], 3).await;
    assert!(told[2].starts_with("📋 2 events "), "{told:?}");
    assert!(told[2].contains("🛒 Placed: 30.00 USD") && told[2].contains("✅ Confirmed: 30.00 USD"), "{told:?}");

    // What is pending when the rules change is told by the new ones.
    stage.scene.publish(1, &placed(OrderId::new())).await;
    waiting(&stage, 1).await;
    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    let digest = json!({"rules": {"digest": {"every_minutes": 1440}}});
    assert_eq!(client.patch(&path, &digest).await.0, 200);
    waiting(&stage, 1).await;
    assert_eq!(client.patch(&path, &json!({"rules": {}})).await.0, 200);
    let told = stage.told_in(GROUPS[0], 4).await;
    assert!(told[3].contains("🛒 Placed"), "{told:?}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_tells_together_what_happened_since_the_last_one() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [digest, at_once, _] = GROUPS;
    let wanted = json!({"name": "Daily", "rules": {"digest": {"daily_at": quiet_now()["until"]}}});
    stage.linked(&replica, Caller::Owner, &wanted, digest).await;
    stage.linked(&replica, Caller::Owner, &json!({"name": "At once"}), at_once).await;
    for _ in 0..3 {
        stage.scene.publish(1, &placed(OrderId::new())).await;
    }
    waiting(&stage, 3).await;
    let here = eventually(PATIENCE, async || {
        let here = stage.texts_in(at_once)[1..].join("\n");
        if here.matches("🛒 Placed").count() == 3 { Ok(here) } else { Err(here) }
    })
    .await;
    assert!(!here.contains('📋'), "{here}");
    assert_eq!(stage.texts_in(digest).len(), 1, "only that it is linked");
    time_passes(&stage).await;
    let told = stage.told_in(digest, 2).await;
    assert!(told[1].starts_with("📋 3 events ") && told[1].contains(": 3 orders placed"), "{told:?}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_the_clock_that_make_no_sense_are_refused_with_what_is_wrong() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    for (rules, words) in [
        (json!({"quiet": {"from": "8:00", "until": "09:00"}}), "must be hours and minutes"),
        (json!({"quiet": {"from": "08:00", "until": "08:00"}}), "must end at another time than it begins"),
        (json!({"digest": {}}), "must have either every_minutes or daily_at"),
        (json!({"digest": {"every_minutes": 5, "daily_at": "08:00"}}), "must have either every_minutes or daily_at"),
        (json!({"digest": {"every_minutes": 0}}), "every_minutes"),
    ] {
        let (status, refused) = client.post("/admin/v1/destinations", &json!({"name": "X", "rules": rules})).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_orders_becomes_a_number_a_minute_and_what_is_urgent_is_spelled_out() {
    let stage = Stage::new().await;
    let settings = || Settings { flood_from: Some(5), ..stage.settings() };
    let replica = stage.start_with(settings(), Topics::On).await;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), GROUPS[0]).await;
    let records: Vec<_> = (0..12).map(|_| stage.record(1, &placed(OrderId::new()))).collect();
    stage.scene.send(&records[..8]).await;
    let urgent = OrderId::new();
    stage.scene.publish(1, &oversold(urgent)).await;
    let told = eventually(PATIENCE, async || {
        let told = stage.texts_in(GROUPS[0])[1..].join("\n");
        if told.contains("Oversold") { Ok(told) } else { Err(told) }
    })
    .await;
    assert!(told.matches("🛒 Placed").count() <= 5, "{told}");
    replica.stop().await;
    // Another replica counts on from what the first has heard; the rest of the flood is one message.
    let replica = stage.start_with(settings(), Topics::On).await;
    stage.scene.send(&records[8..]).await;
    eventually(PATIENCE, async || {
        let written: i64 = stage.superuser.query_one("select count(*) from deliveries", &[]).await.unwrap().get(0);
        if written == 14 { Ok(()) } else { Err(written) }
    })
    .await;
    let collapsed = "select count(*) from deliveries where collapsed and kind = 'order-placed'";
    let collapsed: i64 = stage.superuser.query_one(collapsed, &[]).await.unwrap().get(0);
    assert!(collapsed >= 7, "five of twelve are told one by one, and more only where a minute was over: {collapsed}");
    time_passes(&stage).await;
    stage.told(14).await;
    let told = stage.texts_in(GROUPS[0])[1..].join("\n");
    assert_eq!(i64::try_from(told.matches("🛒 Placed").count()).unwrap() + collapsed, 12, "{told}");
    assert!(told.contains(" orders placed ("), "{told}");
    replica.stop().await;
}
