//! A delivery that another version wrote and this one cannot read.

use kernel::OrderId;
use notifier::domain::Chat;
use notifier::sender::{Wake, retry_failed};
use testkit::eventually;

use crate::stage::{CHAT, PATIENCE, Stage, placed};

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_cannot_be_read_is_set_aside_with_its_cause_and_the_others_are_told() {
    let stage = Stage::new().await;
    // The oldest of the chat: whatever comes after it would wait behind it.
    stage
        .superuser
        .batch_execute(&format!(
            "insert into deliveries (org_id, id, event_id, chat, kind, fact, occurred_at, correlation)
             values ('{}', '00000000-0000-7000-8000-000000000001', gen_random_uuid(), '{CHAT}', 'order-returned',
                 '{{\"kind\": \"order-returned\"}}', now(), gen_random_uuid())",
            stage.scene.organisation().uuid()
        ))
        .await
        .unwrap();
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

    // Told again it is set aside again, unless a version runs that can read it.
    let chat = Chat::parse(CHAT).unwrap();
    assert_eq!(retry_failed(&stage.scene.mediator(), &chat, &Wake::default()).await.unwrap(), 1);
    eventually(PATIENCE, async || cause().await).await;
    stage.told(1).await;
    replica.stop().await;
}
