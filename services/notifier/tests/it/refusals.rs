//! Telegram refuses, limits, fails, and loses replies.

use std::time::{Duration, Instant};

use devstack::bot_api::Failure;
use kernel::OrderId;
use mediator::Scope;
use notifier::commands::RetryFailed;
use testkit::{Running, eventually};

use crate::observation::Observation;
use crate::stage::{CHAT, PATIENCE, Stage, facts_in, placed};

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
async fn a_message_that_telegram_refuses_for_good_is_kept_with_its_cause_and_sent_when_the_cause_is_mended() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.telegram.fail_next(1, Failure::Refused);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;
    let cause: String = stage.superuser.query_one("select cause from deliveries", &[]).await.unwrap().get(0);
    assert!(cause.starts_with("400 Bad Request"), "{cause}");
    assert!(stage.telegram.messages().is_empty());

    let retry = RetryFailed { chat: stage.settings().chat };
    assert_eq!(replica.mediator().send(&Scope::platform_system("test"), retry).await.unwrap(), 1);
    stage.told(1).await;
    assert_eq!(stage.telegram.messages().len(), 1);
    replica.stop().await;
}

/// What `/readyz` of the replica says of Telegram; none while nothing keeps messages from it.
async fn away(replica: &Running) -> Option<String> {
    let report = replica.boot().health().report().await;
    assert!(report.ready, "{report:?}");
    report.away.into_iter().find(|away| away.name == "telegram").map(|away| away.reason)
}

async fn failures(stage: &Stage, subject: &str) -> i32 {
    let row = stage.superuser.query_opt("select failures from budgets where subject = $1", &[&subject]).await.unwrap();
    row.map_or(0, |row| row.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_token_everything_waits_and_with_the_right_one_it_goes_out_once() {
    let observation = Observation::install();
    let stage = Stage::new().await;
    let wrong = stage.replica_with_token("1000001:wrong").await;
    for _ in 0..3 {
        stage.scene.publish(1, &placed(OrderId::new())).await;
    }
    // It is tried again, and each time later than before.
    eventually(PATIENCE, async || failures(&stage, "bot").await >= 3).await;
    assert_eq!((stage.count("pending").await, stage.count("failed").await), (3, 0));
    let said = eventually(PATIENCE, async || away(&wrong).await).await;
    assert!(said.contains("does not know the token") && said.contains("401 Unauthorized"), "{said}");
    assert!(!said.contains("1000001:wrong"), "a secret is told: {said}");
    let told = |line: &String| line.contains("does not know the token") && line.contains("401 Unauthorized");
    let logged = observation.errors().iter().filter(|line| told(line)).count();
    assert_eq!(logged, 1, "{:?}", observation.errors());
    let metrics = observation.metrics();
    assert!(metrics.contains("notifier_messages_total{outcome=\"unauthorised\",form=\"full\"}"), "{metrics}");
    wrong.stop().await;

    // Another replica knows of it before it has tried itself.
    let next = stage.replica().await;
    eventually(PATIENCE, async || away(&next).await).await;
    stage.told(3).await;
    assert_eq!(stage.telegram.messages().iter().map(facts_in).sum::<i64>(), 3);
    eventually(PATIENCE, async || away(&next).await.is_none()).await;
    assert_eq!(failures(&stage, "bot").await, 0, "success forgets the failures");
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_told_while_nothing_is_to_be_sent_and_a_right_one_waits_for_nothing() {
    let stage = Stage::new().await;
    let wrong = stage.replica_with_token("no-token-at-all").await;
    let said = eventually(PATIENCE, async || away(&wrong).await).await;
    assert!(said.contains("does not know the token") && said.contains("404 Not Found"), "{said}");
    wrong.stop().await;
    // Somebody tried for so long that nobody would call for the next minute.
    let long = "update budgets set failures = 9, blocked_until = now() + interval '1 minute' where subject = 'bot'";
    stage.superuser.batch_execute(long).await.unwrap();
    stage.telegram.say(4242, None, "anything");
    let next = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    eventually(PATIENCE, async || away(&next).await.is_none()).await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bot_is_blocked_in_the_chat_everything_waits_and_goes_out_once_when_it_is_let_in() {
    let stage = Stage::new().await;
    let (first, second) = (stage.replica().await, stage.replica().await);
    stage.telegram.close(CHAT);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || failures(&stage, CHAT).await >= 2).await;
    for replica in [&first, &second] {
        let said = eventually(PATIENCE, async || away(replica).await).await;
        assert!(said.contains("may not write to the chat 4242") && said.contains("403 Forbidden"), "{said}");
    }
    stage.scene.publish(1, &placed(OrderId::new())).await;
    eventually(PATIENCE, async || stage.count("pending").await == 2).await;
    stage.telegram.reopen(CHAT);
    stage.told(2).await;
    assert_eq!(stage.telegram.messages().iter().map(facts_in).sum::<i64>(), 2);
    for replica in [&first, &second] {
        eventually(PATIENCE, async || away(replica).await.is_none()).await;
    }
    first.stop().await;
    second.stop().await;
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
async fn a_message_whose_reply_is_lost_is_told_again_rather_than_not_at_all_and_counted() {
    let observation = Observation::install();
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.telegram.fail_next(1, Failure::LostReply);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let messages = stage.telegram.messages();
    assert_eq!(messages.len(), 2, "at least once: here twice");
    assert_eq!(messages[0].text, messages[1].text);
    let metrics = observation.metrics();
    let unknown = "notifier_messages_unknown_total{by=\"telegram\",because=\"no-answer\"}";
    assert!(metrics.contains(unknown), "{metrics}");
    replica.stop().await;
}
