//! Deliveries that another version of the notifier wrote: pending rows outlive an update, and replicas of two versions run
//! side by side while it is rolled out.

use kernel::OrderId;
use mediator::Scope;
use notifier::commands::RetryFailed;
use serde_json::json;
use testkit::{Caller, eventually};

use crate::stage::{GROUPS, PATIENCE, Stage, confirmed, placed};

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_first_version_left_pending_are_sent() {
    let stage = Stage::new().await;
    for (number, kind, fact) in [
        (
            1,
            "order-placed",
            r#"{"kind":"order-placed","order":"ord_01h455vb4pex5vsknk084sn02q","lines":1,"units":3,
                "total":{"amount":"30.00","currency":"USD"},"reference":null}"#,
        ),
        (
            2,
            "order-rejected",
            r#"{"kind":"order-rejected","order":"ord_01h455vb4pex5vsknk084sn02q","reasons":[
                {"reason":"out-of-stock","sku":"TEA-1","requested":5,"available":2},{"reason":"order-cancelled"}]}"#,
        ),
        (
            3,
            "order-cancelled",
            r#"{"kind":"order-cancelled","order":"ord_01h455vb4pex5vsknk084sn02q","cause":"reservation-expired"}"#,
        ),
    ] {
        stage.write(number, kind, fact).await;
    }
    let sender = stage.sender().await;
    stage.told(3).await;
    let messages = stage.telegram.messages();
    let lines: Vec<&str> = messages.iter().flat_map(|message| message.text.lines()).collect();
    for line in [
        "🛒 Placed: 30.00 USD · 1 line, 3 units · ord_01h455vb4pex5vsknk084sn02q",
        "⛔ Rejected: only 2 of TEA-1 left, 5 wanted; the order had been cancelled before · ord_01h455vb4pex5vsknk084sn02q",
        "🚫 Cancelled: its reservation had run out · ord_01h455vb4pex5vsknk084sn02q",
    ] {
        assert!(lines.contains(&line), "{line}\nis missing in\n{lines:?}");
    }
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_cannot_be_read_waits_with_its_cause_for_a_release_that_can_and_the_others_are_told() {
    let stage = Stage::new().await;
    // The oldest of the chat: whatever comes after it would wait behind it.
    stage.write(1, "order-returned", r#"{"kind": "order-returned"}"#).await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("sent").await == 1).await;
    assert_eq!((stage.telegram.messages().len(), stage.count("failed").await), (1, 0));
    let waiting = "select cause from deliveries where state = 'pending' and not_before > now()";
    let cause = eventually(PATIENCE, async || {
        let row = stage.superuser.query_opt(waiting, &[]).await.unwrap();
        row.and_then(|row| row.get::<_, Option<String>>(0))
    })
    .await;
    assert!(cause.starts_with("the fact cannot be read: ") && cause.contains("order-returned"), "{cause}");
    // A release that can read it, as if this one were it.
    let readable = r#"update deliveries set fact = '{"kind": "test"}', not_before = now() where state = 'pending'"#;
    stage.superuser.batch_execute(readable).await.unwrap();
    stage.told(2).await;
    let causes = "select count(*) from deliveries where cause is not null";
    assert_eq!(stage.superuser.query_one(causes, &[]).await.unwrap().get::<_, i64>(0), 0);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_nothing_could_read_for_a_day_has_failed_and_is_tried_again_when_that_is_asked_for() {
    let stage = Stage::new().await;
    stage.write(1, "order-returned", r#"{"kind": "order-returned"}"#).await;
    stage.superuser.batch_execute("update deliveries set created_at = now() - interval '25 hours'").await.unwrap();
    let replica = stage.replica().await;
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;
    stage.superuser.batch_execute(r#"update deliveries set fact = '{"kind": "test"}'"#).await.unwrap();
    let retry = RetryFailed { chat: stage.settings().chat };
    assert_eq!(replica.mediator().send(&Scope::platform_system("test"), retry).await.unwrap(), 1);
    stage.told(1).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_with_rules_of_a_later_release_is_read_told_and_keeps_them() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), GROUPS[0]).await;
    let later = r#"update destinations set rules = '{"kinds": ["order-placed", "order-praised"], "severity": "hopeless", "mood": 1}',
        manner = '{"follow_up": "thread", "templates": [{"kind": "order-praised", "text": "{praise}"}]}'"#;
    stage.superuser.batch_execute(later).await.unwrap();
    let order = OrderId::new();
    stage.scene.send(&[stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]).await;
    let texts = stage.told_in(GROUPS[0], 2).await;
    assert!(texts[1].contains("Placed") && !texts[1].contains("Confirmed"), "{texts:?}");
    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    let (status, found) = client.patch(&path, &json!({"name": "Another"})).await;
    assert_eq!((status, &found["rules"]["kinds"]), (200, &json!(["order-placed"])), "{found}");
    let kept = "select count(*) from destinations where rules ? 'mood' and manner ->> 'follow_up' = 'thread' and name = 'Another'";
    assert_eq!(stage.superuser.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 1, "it wrote what it cannot read");
    replica.stop().await;
}
