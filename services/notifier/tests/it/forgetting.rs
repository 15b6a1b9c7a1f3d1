//! What was told long ago is removed, however much of it there is, and nothing else is.

use notifier::processes::Wake;
use testkit::eventually;

use crate::stage::{PATIENCE, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_told_before_the_time_to_keep_is_removed_in_one_go() {
    let stage = Stage::new().await;
    let told = |days: u32, number: u32| {
        format!(
            "insert into deliveries (org_id, id, event_id, chat, kind, fact, occurred_at, correlation, state, message_id,
                 settled_at)
             select '{}', gen_random_uuid(), gen_random_uuid(), '4242', 'order-placed', '{{}}', now(),
                 gen_random_uuid(), 'sent', 1, now() - interval '{days} days' from generate_series(1, {number});",
            stage.scene.organisation().uuid()
        )
    };
    // Two full parts and a bit, and what is still kept.
    stage.superuser.batch_execute(&(told(31, 10_001) + &told(29, 3))).await.unwrap();
    let sender = stage.sender(&Wake::default());
    eventually(PATIENCE, async || {
        let left = stage.count("sent").await;
        if left == 3 { Ok(()) } else { Err(left) }
    })
    .await;
    sender.stop().await;
}
