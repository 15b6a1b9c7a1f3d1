//! Deliveries that were sent long ago are deleted, however many there are, and no others.

use testkit::eventually;

use crate::stage::{PATIENCE, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_sent_before_the_time_to_keep_is_deleted_in_one_go() {
    let stage = Stage::new().await;
    let sent = |days: u32, number: u32| {
        format!(
            "insert into deliveries (org_id, id, event_id, chat, kind, fact, occurred_at, correlation, state, message_id,
                 settled_at)
             select '{}', gen_random_uuid(), gen_random_uuid(), '4242', 'order-placed', '{{}}', now(),
                 gen_random_uuid(), 'sent', 1, now() - interval '{days} days' from generate_series(1, {number});",
            stage.scene.organisation().uuid()
        )
    };
    // More than two full parts, and three that are kept.
    stage.superuser.batch_execute(&(sent(31, 10_001) + &sent(29, 3))).await.unwrap();
    let sender = stage.sender().await;
    eventually(PATIENCE, async || {
        let left = stage.count("sent").await;
        if left == 3 { Ok(()) } else { Err(left) }
    })
    .await;
    sender.stop().await;
}
