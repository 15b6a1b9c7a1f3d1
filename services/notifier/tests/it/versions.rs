//! Deliveries that another version of the notifier wrote: pending rows outlive an update, and replicas of two versions run
//! side by side while it is rolled out.

use kernel::OrderId;
use mediator::Scope;
use notifier::commands::RetryFailed;
use testkit::eventually;

use crate::stage::{PATIENCE, Stage, placed};

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
async fn a_fact_that_cannot_be_read_is_set_aside_with_its_cause_and_the_others_are_told() {
    let stage = Stage::new().await;
    // The oldest of the chat: whatever comes after it would wait behind it.
    stage.write(1, "order-returned", r#"{"kind": "order-returned"}"#).await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    assert_eq!(stage.telegram.messages().len(), 1);
    let cause = async || {
        let row = stage.superuser.query_opt("select cause from deliveries where state = 'failed'", &[]).await.unwrap();
        row.map(|row| row.get::<_, String>(0))
    };
    let said = cause().await.unwrap();
    assert!(said.starts_with("the fact cannot be read: ") && said.contains("order-returned"), "{said}");

    // Retried it is set aside again, unless a version runs that can read it.
    let retry = RetryFailed { chat: stage.settings().chat };
    assert_eq!(replica.mediator().send(&Scope::platform_system("test"), retry).await.unwrap(), 1);
    eventually(PATIENCE, async || cause().await).await;
    stage.told(1).await;
    replica.stop().await;
}
