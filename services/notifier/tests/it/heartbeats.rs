//! A message a day with what happened the day before.

use contracts::auth::OrganisationState;
use kernel::{Clock, Currency, OrderId, Slug, TimeZone};
use mediator::Scope;
use notifier::commands::RecordHeartbeats;
use notifier::config::Settings;
use notifier::domain::ClockTime;
use serde_json::json;
use testkit::{Caller, Topics, eventually};

use crate::stage::{CHAT, GROUPS, PATIENCE, Stage, confirmed, placed};

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_is_told_once_what_happened_yesterday_and_who_does_not_is_not() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [asks, other, _] = GROUPS;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Asks"}), asks).await;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Does not"}), other).await;
    for _ in 0..2 {
        let order = OrderId::new();
        stage.scene.send(&[stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]).await;
    }
    stage.told(10).await;
    // One of them was confirmed today.
    let yesterday = "update deliveries set occurred_at = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'
            - interval '1 second' where kind like 'order-%';
        update deliveries set occurred_at = now() where id in (
            select id from deliveries where kind = 'order-confirmed' order by destination, id limit 1)
            or id in (select id from deliveries where kind = 'order-confirmed' order by destination desc, id limit 1)";
    stage.superuser.batch_execute(yesterday).await.unwrap();
    let day = (Clock::now() - chrono::TimeDelta::days(1)).format("%-d %b").to_string();
    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    let (status, changed) = client.patch(&path, &json!({"heartbeat_at": "00:00"})).await;
    assert_eq!((status, &changed["heartbeat_at"]), (200, &json!("00:00")), "{changed}");
    let report = format!("💓 On {day}: 1 order confirmed, 2 orders placed");
    eventually(PATIENCE, async || {
        let told = stage.texts_in(asks).join("\n");
        if told.lines().any(|line| line == report) { Ok(()) } else { Err(told) }
    })
    .await;
    // Another replica, and this one again, write no second one.
    let record = RecordHeartbeats { configured: stage.settings().chat, configured_at: None };
    for _ in 0..2 {
        let scope = Scope::platform_system("test");
        assert!(!stage.scene.mediator().send(&scope, record.clone()).await.unwrap());
    }
    assert!(!stage.texts_in(other).join("\n").contains("💓"));
    let (_, off) = client.patch(&path, &json!({"heartbeat_at": null})).await;
    assert_eq!(off.get("heartbeat_at"), None, "{off}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_chat_is_told_of_yesterday_only_where_that_is_configured() {
    let stage = Stage::new().await;
    let name = OrganisationState {
        organisation: stage.scene.organisation(),
        slug: Slug::parse("tea-house").unwrap(),
        name: "Tea House".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        country: None,
        time_zone: None,
        guests: None,
        active: true,
        version: 1,
    };
    let heartbeat_at = Some(ClockTime::parse("00:00").unwrap());
    let replica = stage.start_with(Settings { heartbeat_at, ..stage.settings() }, Topics::On).await;
    stage.scene.publish(1, &name).await;
    let told = stage.told_in(CHAT.parse().unwrap(), 1).await;
    assert!(
        told[0].starts_with("Tea House (tea-house)\n💓 On ") && told[0].ends_with(": nothing happened"),
        "{told:?}"
    );
    replica.stop().await;
    let at = ClockTime::parse("00:00").unwrap();
    let record = |configured_at| RecordHeartbeats { configured: stage.settings().chat, configured_at };
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    assert!(!mediator.send(&scope, record(Some((at.clone(), TimeZone::default())))).await.unwrap(), "it is written");
    stage.superuser.batch_execute("delete from deliveries").await.unwrap();
    assert!(!mediator.send(&scope, record(None)).await.unwrap(), "nobody asked");
    assert!(mediator.send(&scope, record(Some((at, TimeZone::default())))).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_day_is_told_of_while_a_destination_is_paused_or_its_organisation_suspended() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), GROUPS[0]).await;
    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    assert_eq!(client.patch(&path, &json!({"paused": true, "heartbeat_at": "00:00"})).await.0, 200);
    let record = RecordHeartbeats { configured: stage.settings().chat, configured_at: None };
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    assert!(!mediator.send(&scope, record.clone()).await.unwrap(), "it is paused");
    let organisation = |active| {
        let id = stage.scene.organisation().uuid();
        format!(
            "insert into organisations values ('{id}', 'tea-house', 'Tea House', {active}, 1)
             on conflict (org_id) do update set active = excluded.active"
        )
    };
    stage.superuser.batch_execute(&organisation(false)).await.unwrap();
    assert_eq!(client.patch(&path, &json!({"paused": false})).await.0, 200);
    assert!(!mediator.send(&scope, record.clone()).await.unwrap(), "it is suspended");
    assert_eq!(stage.count("pending").await, 0);
    stage.superuser.batch_execute(&organisation(true)).await.unwrap();
    // The replica looks for itself, too.
    eventually(PATIENCE, async || {
        let _written = mediator.send(&scope, record.clone()).await.unwrap();
        stage.texts_in(GROUPS[0]).join("\n").contains("💓 On ")
    })
    .await;
    replica.stop().await;
}
