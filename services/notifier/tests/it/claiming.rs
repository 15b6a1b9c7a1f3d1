//! Which deliveries are claimed, in which order, and by whom.

use std::time::Duration;

use kernel::{DestinationId, OrganisationId};
use mediator::Scope;
use notifier::commands::{ClaimDeliveries, Next, RegisterChat, SettleMessage};
use notifier::domain::{Chat, Outcome, Target};
use notifier::queries::{CountBacklog, ListTargets};
use testkit::eventually;

use crate::settling::claimed;
use crate::stage::{GROUPS, PATIENCE, Stage, receiver};

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
    let written =
        "update deliveries set created_at = '2026-01-01'::timestamptz + right(id::text, 4)::int * interval '1 second'";
    stage.superuser.batch_execute(written).await.unwrap();
    let found = stage
        .scene
        .mediator()
        .ask(&Scope::platform_system("test"), ListTargets { outside: false, mail: false })
        .await
        .unwrap();
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
async fn what_waits_for_its_time_is_no_target_is_not_claimed_and_does_not_count_as_late() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    let target = destination(&stage, 1, -1).await;
    mediator.send(&scope, RegisterChat { chat: Chat::numbered(-1) }).await.unwrap();
    let later = "update deliveries set not_before = now() + interval '1 hour', created_at = '2020-01-01'";
    stage.superuser.batch_execute(later).await.unwrap();
    let backlog = mediator.ask(&scope, CountBacklog).await.unwrap();
    assert_eq!((backlog.pending, backlog.held, backlog.oldest), (0, 1, None));
    assert_eq!(mediator.ask(&scope, ListTargets { outside: false, mail: false }).await.unwrap(), []);
    let claim = ClaimDeliveries {
        target,
        configured: receiver(Chat::numbered(-9)),
        per_minute: None,
        lease: Duration::from_secs(60),
        limit: 10,
    };
    let next = mediator.send(&scope, claim.clone()).await.unwrap().next;
    assert!(matches!(next, Next::Idle), "{next:?}");
    stage.superuser.batch_execute("update deliveries set not_before = '2026-01-01'").await.unwrap();
    let backlog = mediator.ask(&scope, CountBacklog).await.unwrap();
    assert_eq!(backlog.oldest.unwrap().to_string(), "2026-01-01 00:00:00 UTC", "since when it may be told");
    assert_eq!(mediator.ask(&scope, ListTargets { outside: false, mail: false }).await.unwrap(), [target]);
    let Next::Send(batch) = mediator.send(&scope, claim).await.unwrap().next else { panic!("nothing to send") };
    assert!(batch.deliveries[0].waited);
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
        configured: receiver(Chat::numbered(configured)),
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
        configured: receiver(Chat::numbered(77)),
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
async fn a_stop_ends_a_round_after_the_message_in_hand() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    for (number, chat) in (1..).zip(GROUPS) {
        destination(&stage, number, chat).await;
        mediator.send(&scope, RegisterChat { chat: Chat::numbered(chat) }).await.unwrap();
    }
    // The first claim waits for the budget of the bot until the stop was told.
    let mut holder = stage.scene.superuser().await;
    let held = holder.transaction().await.unwrap();
    held.batch_execute("select 1 from budgets where subject = 'bot' for update").await.unwrap();
    let pid: i32 = held.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let sender = stage.sender().await;
    let waiting = "select count(*) > 0 from pg_stat_activity where $1 = any(pg_blocking_pids(pid))";
    eventually(PATIENCE, async || stage.superuser.query_one(waiting, &[&pid]).await.unwrap().get::<_, bool>(0)).await;
    let release = async {
        // The sender is told to stop after the parts before it, of which nothing is seen from outside.
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.commit().await.unwrap();
    };
    tokio::join!(sender.stop(), release);
    assert_eq!((stage.count("sent").await, stage.count("pending").await), (1, 2));
}
