//! Settling a message again, as the sender does after a COMMIT that failed and may have gone through.

use std::sync::Arc;
use std::time::Duration;

use kernel::{DestinationId, OrganisationId};
use mediator::{Mediator, Platform, Scope};
use notifier::commands::{ClaimDeliveries, Next, RegisterChat, SettleMessage};
use notifier::domain::{Batch, Chat, Outcome, Target};
use notifier::queries::{CountBacklog, ListTargets};

use crate::stage::{CHAT, Stage};

/// Claims the one pending delivery of the chat.
async fn claimed(stage: &Stage, mediator: &Mediator, scope: &Scope<Platform>) -> Arc<Batch> {
    stage.write(1, "stock-low", r#"{"kind":"stock-low","sku":"TEA-1","available":3,"threshold":5}"#).await;
    let chat = stage.settings().chat;
    mediator.send(scope, RegisterChat { chat: chat.clone() }).await.unwrap();
    let claim = ClaimDeliveries {
        target: Target::Configured,
        configured: chat,
        per_minute: None,
        lease: Duration::from_secs(60),
        limit: 10,
    };
    match mediator.send(scope, claim.clone()).await.unwrap().next {
        Next::Send(batch) => {
            let again = mediator.send(scope, claim).await.unwrap().next;
            assert!(matches!(again, Next::Wait(_)), "a claimed chat was claimed again: {again:?}");
            Arc::new(batch)
        }
        other => panic!("{other:?}"),
    }
}

/// Writes a destination with a pending delivery of this number; the id of its organisation and of itself.
async fn destination(stage: &Stage, number: u32, chat: i64) -> Target {
    let (organisation, destination) = (OrganisationId::new(), DestinationId::new());
    let rows = format!(
        "insert into destinations (org_id, id, name, state, chat, rules, version, created_at, changed_at)
         values ('{organisation}', '{destination}', 'x', 'active', {chat}, '{{}}', 1, now(), now());
         insert into deliveries (org_id, id, event_id, chat, destination, kind, fact, occurred_at, correlation)
         values ('{organisation}', '00000000-0000-7000-8000-{number:012}', gen_random_uuid(), '{destination}', '{destination}',
             'test', '{{\"kind\":\"test\"}}', now(), gen_random_uuid())",
        organisation = organisation.uuid(),
        destination = destination.uuid(),
    );
    stage.superuser.batch_execute(&rows).await.unwrap();
    Target::Destination { organisation, destination }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_that_has_waited_longest_comes_first() {
    let stage = Stage::new().await;
    let (late, early) = (destination(&stage, 9, -1).await, destination(&stage, 2, -1).await);
    stage.write(5, "stock-low", r#"{"kind":"stock-low","sku":"TEA-1","available":3,"threshold":5}"#).await;
    let found = stage.scene.mediator().ask(&Scope::platform_system("test"), ListTargets).await.unwrap();
    assert_eq!(found, [early, Target::Configured, late]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_destination_holds_back_is_counted_by_itself() {
    let stage = Stage::new().await;
    for (number, chat) in [(1, -1), (2, -2), (3, -3)] {
        destination(&stage, number, chat).await;
    }
    stage.write(4, "stock-low", r#"{"kind":"stock-low","sku":"TEA-1","available":3,"threshold":5}"#).await;
    let held = "update destinations set state = 'paused' where chat = -1;
        update destinations set state = 'unreachable', reason = 'x' where chat = -2;
        update deliveries set created_at = '2020-01-01' where destination is not null;
        update deliveries d set created_at = '2026-01-01' from destinations t where t.id = d.destination and t.chat = -3";
    stage.superuser.batch_execute(held).await.unwrap();
    let backlog = stage.scene.mediator().ask(&Scope::platform_system("test"), CountBacklog).await.unwrap();
    assert_eq!((backlog.pending, backlog.held), (2, 2));
    assert_eq!(backlog.oldest.unwrap().to_string(), "2026-01-01 00:00:00 UTC");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_messages_per_minute_are_those_of_the_configured_chat_alone() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let target = destination(&stage, 1, -1).await;
    mediator.send(&scope, RegisterChat { chat: Chat::numbered(-1) }).await.unwrap();
    // One message a minute, and the last one was sent ten seconds ago.
    let sent = "update budgets set minute_at = now() + interval '50 seconds' where subject = '-1'";
    stage.superuser.batch_execute(sent).await.unwrap();
    let claim = |configured: i64| ClaimDeliveries {
        target,
        configured: Chat::numbered(configured),
        per_minute: Some(1),
        lease: Duration::from_secs(60),
        limit: 10,
    };
    let configured = mediator.send(&scope, claim(-1)).await.unwrap().next;
    assert!(matches!(configured, Next::Wait(_)), "{configured:?}");
    let other = mediator.send(&scope, claim(-2)).await.unwrap().next;
    assert!(matches!(other, Next::Send(_)), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_different_configured_chats_never_claim_the_same_deliveries() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let batch = claimed(&stage, &mediator, &scope).await;
    mediator.send(&scope, RegisterChat { chat: Chat::numbered(77) }).await.unwrap();
    let claim = ClaimDeliveries {
        target: Target::Configured,
        configured: Chat::numbered(77),
        per_minute: None,
        lease: Duration::from_secs(60),
        limit: 10,
    };
    let while_leased = mediator.send(&scope, claim.clone()).await.unwrap().next;
    assert!(matches!(while_leased, Next::Wait(_)), "{while_leased:?}");
    let settle = SettleMessage { batch, outcome: Outcome::Unavailable { cause: "no answer".to_owned() } };
    mediator.send(&scope, settle).await.unwrap();
    let after = mediator.send(&scope, claim).await.unwrap().next;
    assert!(matches!(after, Next::Send(_)), "{after:?}");
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
    let sent = |message| SettleMessage { batch: Arc::clone(&batch), outcome: Outcome::Sent { message } };
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
    assert_eq!(seen, [free.clone(), (1, cause, true, true), free], "the chat, the bot, and what has no destination");
    assert_eq!(stage.count("pending").await, 1);
}
