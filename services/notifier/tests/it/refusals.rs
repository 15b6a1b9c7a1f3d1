//! Telegram refuses, limits, fails, and loses replies.

use std::time::{Duration, Instant};

use devstack::bot_api::Failure;
use kernel::OrderId;
use mediator::Scope;
use notifier::commands::RetryFailed;
use testkit::eventually;

use crate::stage::{PATIENCE, Stage, placed};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_429_no_replica_calls_before_the_time_that_telegram_named() {
    let stage = Stage::new().await;
    let (first, second) = (stage.replica().await, stage.replica().await);
    stage.telegram.fail_next(1, Failure::RetryAfter(2));
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.telegram.refused() == 1).await;
    let refused_at = Instant::now();
    // More facts, more wakes: still nobody calls.
    for _ in 0..3 {
        stage.scene.publish(1, &placed(OrderId::new())).await;
    }
    eventually(PATIENCE, async || !stage.telegram.messages().is_empty()).await;
    assert!(refused_at.elapsed() >= Duration::from_millis(1_900), "{:?}", refused_at.elapsed());
    stage.told(4).await;
    assert_eq!(stage.telegram.refused(), 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_telegram_refuses_for_good_is_kept_with_its_cause_and_sent_when_the_cause_is_mended() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.telegram.fail_next(1, Failure::Forbidden);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;
    let cause: String = stage.superuser.query_one("select cause from deliveries", &[]).await.unwrap().get(0);
    assert!(cause.starts_with("403 Forbidden"), "{cause}");
    assert!(stage.telegram.messages().is_empty());

    let retry = RetryFailed { chat: stage.settings().chat };
    assert_eq!(replica.mediator().send(&Scope::platform_system("test"), retry).await.unwrap(), 1);
    stage.told(1).await;
    assert_eq!(stage.telegram.messages().len(), 1);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_telegram_is_down_nothing_is_lost_and_calls_become_rarer() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.telegram.fail_next(3, Failure::Unavailable);
    let started = Instant::now();
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    // 0.5 + 1 + 2 seconds, less the jitter of up to a half.
    assert!(started.elapsed() >= Duration::from_millis(1_750), "{:?}", started.elapsed());
    assert_eq!(stage.telegram.messages().len(), 1);
    let failures: i32 =
        stage.superuser.query_one("select failures from budgets where subject = '4242'", &[]).await.unwrap().get(0);
    assert_eq!(failures, 0, "success forgets the failures");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_reply_is_lost_is_told_again_rather_than_not_at_all() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.telegram.fail_next(1, Failure::LostReply);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let messages = stage.telegram.messages();
    assert_eq!(messages.len(), 2, "at least once: here twice");
    assert_eq!(messages[0].text, messages[1].text);
    replica.stop().await;
}
