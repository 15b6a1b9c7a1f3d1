//! Destinations of organisations: what staff does with them, what each is told, and that none is told what is another's.

use kernel::OrderId;
use mediator::Scope;
use notifier::domain::Obstacle;
use notifier::queries::ListObstacles;
use reqwest::Method;
use serde_json::json;
use testkit::{Caller, Client, eventually};

use crate::stage::{CHAT, GROUPS, PATIENCE, Stage, confirmed, placed};

/// The client with which a change is sent to whatever version there is.
fn changing(client: &Client) -> Client {
    client.clone().with("if-match", "*")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_organisations_hear_of_their_own_orders_and_who_has_no_destination_is_told_of_in_the_configured_chat() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [ours, theirs, _] = GROUPS;
    let wanted = json!({"name": "Operations"});
    // Before it has a destination, what happens is told in the chat of the configuration.
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told_in(CHAT.parse().unwrap(), 1).await;
    stage.linked(&replica, Caller::Owner, &wanted, ours).await;
    let (own, other) = (OrderId::new(), OrderId::new());
    let of_other = |order| testkit::publish(Some(stage.scene.other_organisation()), 1, &placed(order));
    stage.scene.send(&[stage.record(1, &placed(own)), of_other(other)]).await;
    let (here, configured) = (stage.told_in(ours, 2).await, stage.told_in(CHAT.parse().unwrap(), 2).await);
    assert!(here[1].contains(&own.to_string()) && !here[1].contains(&other.to_string()), "{here:?}");
    assert!(configured[1].contains(&other.to_string()) && !configured[1].contains(&own.to_string()), "{configured:?}");

    stage.linked(&replica, Caller::OtherOrganisation, &wanted, theirs).await;
    let (own, other) = (OrderId::new(), OrderId::new());
    stage.scene.send(&[stage.record(1, &placed(own)), of_other(other)]).await;
    let (here, there) = (stage.told_in(ours, 3).await, stage.told_in(theirs, 2).await);
    assert!(here[2].contains(&own.to_string()) && !here[2].contains(&other.to_string()), "{here:?}");
    assert!(there[1].contains(&other.to_string()) && !there[1].contains(&own.to_string()), "{there:?}");
    assert_eq!(stage.texts_in(CHAT.parse().unwrap()).len(), 2, "nothing more in the chat of the configuration");

    // Neither sees the other's destination, nor what it was told.
    let client = stage.scene.client(replica.base(), Caller::OtherOrganisation);
    let (_, list) = client.get("/admin/v1/destinations").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_destination_missed_while_it_was_paused_it_is_told_once_when_it_is_resumed() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), GROUPS[0]).await;
    let (client, path) =
        (stage.scene.client(replica.base(), Caller::Owner), format!("/admin/v1/destinations/{destination}"));
    let (_, read) = client.get(&path).await;
    let version = read["version"].as_i64().unwrap();
    let stale = client.clone().with("if-match", &format!("\"{}\"", version - 1));
    assert_eq!(stale.patch(&path, &json!({"paused": true})).await.0, 412);
    let (status, paused) = changing(&client).patch(&path, &json!({"paused": true})).await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")), "{paused}");
    let orders: Vec<OrderId> = (0..3).map(|_| OrderId::new()).collect();
    for order in &orders {
        stage.scene.send(&[stage.record(1, &placed(*order)), stage.record(2, &confirmed(*order))]).await;
    }
    eventually(PATIENCE, async || stage.count("pending").await == 6).await;
    assert_eq!(stage.texts_in(GROUPS[0]).len(), 1, "only that it is linked");
    let (status, resumed) = changing(&client).patch(&path, &json!({"paused": false})).await;
    assert_eq!((status, &resumed["state"]), (200, &json!("active")), "{resumed}");
    eventually(PATIENCE, async || stage.count("pending").await == 0).await;
    let text = stage.texts_in(GROUPS[0])[1..].join("\n");
    for order in &orders {
        assert_eq!(text.matches(&order.to_string()).count(), 2, "{text}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_told_what_its_rules_let_through_and_a_changed_rule_counts_at_once() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let only = |kind: &str| json!({"kinds": [kind]});
    let large = json!({"name": "Large", "rules": {"least": [{"amount": "30.01", "currency": "USD"}]}});
    let [first, second, _] = GROUPS;
    let rules = json!({"name": "Placed", "rules": only("order-placed")});
    let destination = stage.linked(&replica, Caller::Owner, &rules, first).await;
    stage.linked(&replica, Caller::Owner, &large, second).await;
    let order = OrderId::new();
    stage.scene.send(&[stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]).await;
    let texts = stage.told_in(first, 2).await;
    assert!(texts[1].contains("Placed") && !texts[1].contains("Confirmed"), "{texts:?}");
    let (client, path) =
        (stage.scene.client(replica.base(), Caller::Owner), format!("/admin/v1/destinations/{destination}"));
    let (status, body) = changing(&client).patch(&path, &json!({"rules": only("order-confirmed")})).await;
    assert_eq!(status, 200, "{body}");
    stage.scene.send(&[stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]).await;
    let texts = stage.told_in(first, 3).await;
    assert!(texts[2].contains("Confirmed") && !texts[2].contains("Placed"), "{texts:?}");
    assert_eq!(stage.texts_in(second).len(), 1, "an order of 30.00 is too small for it");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_tries_a_destination_out_reads_its_log_in_pages_and_has_failed_deliveries_sent_again() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let (waiting, _) = stage.destination(&replica, Caller::Owner, &json!({"name": "Nobody yet"})).await;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), GROUPS[0]).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let at = |what: &str| format!("/admin/v1/destinations/{destination}/{what}");
    let (status, refused) = client.post(&format!("/admin/v1/destinations/{waiting}/test"), &json!({})).await;
    assert_eq!((status, &refused["type"]), (409, &json!("/problems/destination-not-linked")), "{refused}");
    let (status, tested) = client.post(&at("test"), &json!({})).await;
    assert_eq!(status, 200, "{tested}");
    assert!(stage.told_in(GROUPS[0], 2).await[1].contains("A test message"));
    stage.telegram.fail_next(1, devstack::bot_api::Failure::Refused);
    assert_eq!(client.post(&at("test"), &json!({})).await.0, 200);
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;

    let (status, first) = client.get(&at("deliveries?limit=2")).await;
    assert_eq!(status, 200, "{first}");
    let states = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| format!("{} {}", item["kind"], item["state"])).collect()
    };
    assert_eq!(states(&first), [r#""test" "failed""#, r#""test" "sent""#]);
    assert!(first["items"][0]["cause"].as_str().unwrap().starts_with("400 "), "{first}");
    let next = first["next_cursor"].as_str().unwrap();
    let (_, second) = client.get(&at(&format!("deliveries?limit=2&cursor={next}"))).await;
    assert_eq!((states(&second), second["next_cursor"].is_null()), (vec![r#""linked" "sent""#.to_owned()], true));

    let (status, resent) = client.post(&at("resend"), &json!({})).await;
    assert_eq!((status, resent), (200, json!({"deliveries": 1})));
    eventually(PATIENCE, async || stage.count("failed").await == 0).await;
    stage.told_in(GROUPS[0], 3).await;
    // Nothing of it is another organisation's, nor for those who may only read.
    for (caller, read, write) in [(Caller::OtherOrganisation, 404, 404), (Caller::Viewer, 200, 403)] {
        let client = stage.scene.client(replica.base(), caller);
        assert_eq!(client.get(&at("deliveries")).await.0, read, "{caller:?}");
        for what in ["test", "resend"] {
            assert_eq!(client.post(&at(what), &json!({})).await.0, write, "{caller:?} {what}");
        }
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_destination_is_unreachable_with_its_reason_and_keeps_no_other_one_waiting() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [blocked, open, _] = GROUPS;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Blocked"}), blocked).await;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Open"}), open).await;
    stage.telegram.close(&blocked.to_string());
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told_in(open, 2).await;
    let (client, path) =
        (stage.scene.client(replica.base(), Caller::Owner), format!("/admin/v1/destinations/{destination}"));
    let found = eventually(PATIENCE, async || {
        let (_, found) = client.get(&path).await;
        if found["state"] == "unreachable" { Ok(found) } else { Err(found) }
    })
    .await;
    assert!(found["reason"].as_str().unwrap().starts_with("403 Forbidden"), "{found}");
    stage.telegram.reopen(&blocked.to_string());
    stage.told_in(blocked, 2).await;
    eventually(PATIENCE, async || {
        let (_, found) = client.get(&path).await;
        if found["state"] == "active" && found["reason"].is_null() { Ok(()) } else { Err(found) }
    })
    .await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_an_obstacle_only_while_something_is_told_there() {
    let stage = Stage::new().await;
    let closed = "insert into budgets (subject, obstacle) values
            ('bot', 'a'), ('4242', 'b'), ('@typo', 'c'), ('-1', 'd'), ('-2', 'e'), ('-3', 'f');
        insert into destinations (org_id, id, name, state, reason, chat, rules, version, created_at, changed_at)
        select gen_random_uuid(), gen_random_uuid(), 'x', state, reason, chat, '{}', 1, now(), now()
        from (values ('active', null, -1), ('paused', null, -2), ('unreachable', 'e', -3)) as t(state, reason, chat)";
    stage.superuser.batch_execute(closed).await.unwrap();
    let list = ListObstacles { configured: stage.settings().chat };
    let found = stage.scene.mediator().ask(&Scope::platform_system("test"), list).await.unwrap();
    let mut found: Vec<&str> = found
        .iter()
        .map(|obstacle| match obstacle {
            Obstacle::Token { .. } => "bot",
            Obstacle::Mail { .. } => "smtp",
            Obstacle::Chat { chat, .. } => chat.as_str(),
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, ["-1", "-3", "4242", "bot"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_topic_makes_its_destination_unreachable_and_leaves_the_chat_alone() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), GROUPS[0]).await;
    stage.telegram.fail_next(2, devstack::bot_api::Failure::TopicClosed);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let (client, path) =
        (stage.scene.client(replica.base(), Caller::Owner), format!("/admin/v1/destinations/{destination}"));
    let found = eventually(PATIENCE, async || {
        let (_, found) = client.get(&path).await;
        if found["state"] == "unreachable" { Ok(found) } else { Err(found) }
    })
    .await;
    assert_eq!(found["reason"], "400 Bad Request: TOPIC_CLOSED", "{found}");
    let chat = "select failures, obstacle, blocked_until <= now() from budgets where subject = '-1001'";
    let chat = stage.superuser.query_one(chat, &[]).await.unwrap();
    assert_eq!((chat.get(0), chat.get(1), chat.get(2)), (0, None::<String>, true));
    // It is tried again, the second time later, and then goes out.
    stage.told_in(GROUPS[0], 2).await;
    eventually(PATIENCE, async || client.get(&path).await.1["state"] == "active").await;
    // A message that is refused says nothing of whether the chat can be reached.
    let closed = "update destinations set state = 'unreachable', reason = 'because'";
    stage.superuser.batch_execute(closed).await.unwrap();
    stage.telegram.fail_next(1, devstack::bot_api::Failure::Refused);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;
    assert_eq!(client.get(&path).await.1["state"], "unreachable");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_follows_a_group_that_became_a_supergroup() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [former, later, _] = GROUPS;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), former).await;
    stage.telegram.fail_next(1, devstack::bot_api::Failure::Moved(later));
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told_in(later, 1).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let (_, found) = client.get(&format!("/admin/v1/destinations/{destination}")).await;
    assert_eq!((&found["chat"], &found["state"]), (&json!(later), &json!("active")), "{found}");
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told_in(later, 2).await;
    assert_eq!(stage.texts_in(former).len(), 1);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_destination_goes_what_it_was_not_told_and_a_repeated_creation_shows_the_same_code() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let keyed = client.clone().without_key().with("idempotency-key", "the-same");
    let wanted = json!({"name": "Operations"});
    let (first, again) =
        (keyed.post("/admin/v1/destinations", &wanted).await, keyed.post("/admin/v1/destinations", &wanted).await);
    assert_eq!(first, again);
    let readable = format!("%{}%", first.1["code"].as_str().unwrap());
    let kept = "select count(*) from replays where convert_from(body, 'utf8') like $1";
    let kept: i64 = stage.superuser.query_one(kept, &[&readable]).await.unwrap().get(0);
    assert_eq!(kept, 0, "the code is kept in readable form");
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Gone"}), GROUPS[0]).await;
    let path = format!("/admin/v1/destinations/{destination}");
    assert_eq!(changing(&client).patch(&path, &json!({"paused": true})).await.0, 200);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("pending").await == 1).await;
    assert_eq!(client.send(Method::DELETE, &path, None).await.status, 200);
    assert_eq!((stage.count("pending").await, client.get(&path).await.0), (0, 404));
    replica.stop().await;
}
