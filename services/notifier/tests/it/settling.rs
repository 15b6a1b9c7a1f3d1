//! Settling a message again, as the sender does after a COMMIT that failed and may have gone through.

use std::sync::Arc;
use std::time::Duration;

use mediator::{Mediator, Platform, Scope};
use notifier::commands::{ClaimDeliveries, Next, RegisterChat, SettleMessage};
use notifier::domain::{Batch, Outcome, Target};

use crate::stage::{CHAT, Stage};

/// Claims the one pending delivery of the chat.
pub(crate) async fn claimed(stage: &Stage, mediator: &Mediator, scope: &Scope<Platform>) -> Arc<Batch> {
    stage.write(1, "stock-low", r#"{"kind":"stock-low","sku":"TEA-1","available":3,"threshold":5}"#).await;
    let chat = stage.settings().chat;
    mediator.send(scope, RegisterChat { chat }).await.unwrap();
    let claim = ClaimDeliveries {
        target: Target::Configured,
        configured: stage.configured(),
        per_minute: None,
        lease: Duration::from_secs(60),
        limit: 10,
    };
    match mediator.send(scope, claim.clone()).await.unwrap().next {
        Next::Send(batch) => {
            let again = mediator.send(scope, claim).await.unwrap().next;
            assert!(matches!(again, Next::Wait(_)), "a claimed chat was claimed again: {again:?}");
            Arc::from(batch)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_that_is_settled_twice_counts_once() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let batch = claimed(&stage, &mediator, &scope).await;
    let settle = SettleMessage { batch, outcome: Outcome::Unavailable { cause: "no answer".to_owned() } };
    mediator.send(&scope, settle.clone()).await.unwrap();
    mediator.send(&scope, settle).await.unwrap();
    let budget = stage
        .superuser
        .query_one("select failures, leased_until < now() from budgets where subject = $1", &[&CHAT])
        .await
        .unwrap();
    assert_eq!((budget.get::<_, i32>(0), budget.get::<_, bool>(1)), (1, true));
    assert_eq!(stage.count("pending").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_settled_twice_is_lengthened_by_no_more_than_the_time_between_and_is_no_failure() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let batch = claimed(&stage, &mediator, &scope).await;
    let settle = SettleMessage { batch, outcome: Outcome::Limited { retry_after: Duration::from_secs(60) } };
    let blocked_until = async || -> String {
        let budget = "select blocked_until::text from budgets where subject = $1";
        stage.superuser.query_one(budget, &[&CHAT]).await.unwrap().get(0)
    };
    mediator.send(&scope, settle.clone()).await.unwrap();
    let once = blocked_until().await;
    mediator.send(&scope, settle).await.unwrap();
    let budget = stage
        .superuser
        .query_one(
            "select blocked_until > $2::text::timestamptz, blocked_until <= now() + interval '60 seconds', failures
             from budgets where subject = $1",
            &[&CHAT, &once],
        )
        .await
        .unwrap();
    assert_eq!((budget.get::<_, bool>(0), budget.get::<_, bool>(1), budget.get::<_, i32>(2)), (true, true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_settled_late_leaves_what_another_sender_settled() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let batch = claimed(&stage, &mediator, &scope).await;
    let sent = |message| SettleMessage { batch: Arc::clone(&batch), outcome: Outcome::Sent { message: Some(message) } };
    mediator.send(&scope, sent(7)).await.unwrap();
    mediator.send(&scope, sent(8)).await.unwrap();
    let message: i64 = stage.superuser.query_one("select message_id from deliveries", &[]).await.unwrap().get(0);
    assert_eq!(message, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_twice_under_one_lease_counts_once_and_leaves_the_chat_as_it_was() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let batch = claimed(&stage, &mediator, &scope).await;
    let settle = SettleMessage { batch, outcome: Outcome::Unauthorised { cause: "401 Unauthorized".to_owned() } };
    mediator.send(&scope, settle.clone()).await.unwrap();
    mediator.send(&scope, settle).await.unwrap();
    let rows = stage
        .superuser
        .query(
            "select failures, obstacle, blocked_until > now(), leased_until < now() from budgets order by subject",
            &[],
        )
        .await
        .unwrap();
    let seen: Vec<(i32, Option<String>, bool, bool)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let cause = Some("401 Unauthorized".to_owned());
    let free = (0, None, false, true);
    let others = "the chat, the bot, what has no destination, and the SMTP server";
    assert_eq!(seen, [free.clone(), (1, cause, true, true), free.clone(), free], "{others}");
    assert_eq!(stage.count("pending").await, 1);
}
