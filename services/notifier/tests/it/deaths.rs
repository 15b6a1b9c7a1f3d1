//! A sender that is killed at every step of a message: what it held is told all the same, and at most the message in hand
//! is told twice.

use devstack::bot_api::Failure;
use kernel::OrderId;
use testkit::eventually;

use crate::stage::{CHAT, PATIENCE, Stage, facts_in, placed};

/// Where the sender is when it is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It waits for the rows that it claims.
    Claiming,
    /// It has called, and nothing was accepted.
    Calling,
    /// The message was accepted, and the reply has not come.
    Waiting,
    /// It has the reply, and cannot store it.
    Settling,
}

/// Kills a sender there; how many messages there are in the end for the one that it was about.
async fn killed(step: Step) -> usize {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    replica.stop().await;
    stage.write(1, "order-confirmed", CONFIRMED).await;

    // What it does not get keeps it at the step.
    let blocker = stage.scene.superuser().await;
    let lock = async |table: &str| {
        blocker
            .batch_execute(&format!("begin; lock table notifier.{table} in share row exclusive mode"))
            .await
            .unwrap();
    };
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let is_blocked = async || stage.superuser.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0;
    let leased = "select count(*) from budgets where claim is not null and leased_until > now()";
    let is_leased = async || stage.superuser.query_one(leased, &[]).await.unwrap().get::<_, i64>(0) > 0;
    let accepted = stage.telegram.messages().len();
    let sender = match step {
        Step::Claiming => {
            lock("budgets").await;
            let sender = stage.process();
            eventually(PATIENCE, is_blocked).await;
            sender
        }
        Step::Calling => {
            stage.telegram.fail_next(1, Failure::LateRefusal(60_000));
            let sender = stage.process();
            eventually(PATIENCE, is_leased).await;
            sender
        }
        Step::Waiting => {
            stage.telegram.fail_next(1, Failure::LateReply(60_000));
            let sender = stage.process();
            eventually(PATIENCE, async || stage.telegram.messages().len() > accepted).await;
            sender
        }
        Step::Settling => {
            stage.telegram.fail_next(1, Failure::LateReply(1_500));
            let sender = stage.process();
            eventually(PATIENCE, async || stage.telegram.messages().len() > accepted).await;
            lock("deliveries").await;
            eventually(PATIENCE, is_blocked).await;
            sender
        }
    };
    // Dropping it sends SIGKILL.
    drop(sender);
    let _was_open = blocker.batch_execute("rollback").await;
    assert_eq!((stage.count("sent").await, stage.count("pending").await), (1, 1), "{step:?}");

    // Nobody waits for a lease that nobody holds any more.
    stage.superuser.batch_execute("update budgets set leased_until = now()").await.unwrap();
    let heir = stage.process();
    stage.told(2).await;
    drop(heir);
    let messages = stage.telegram.messages();
    assert_eq!(messages.iter().filter(|message| message.chat_id == CHAT).count(), messages.len());
    messages[accepted..].iter().for_each(|message| assert_eq!(facts_in(message), 1, "{}", message.text));
    messages.len() - accepted
}

const CONFIRMED: &str = r#"{"kind":"order-confirmed","order":"ord_01h455vb4pex5vsknk084sn02q","total":{"amount":"30.00","currency":"USD"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_killed_before_its_message_was_accepted_leaves_one_message() {
    let (claiming, calling) = tokio::join!(killed(Step::Claiming), killed(Step::Calling));
    assert_eq!((claiming, calling), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_killed_after_its_message_was_accepted_leaves_that_one_and_its_repetition() {
    let (waiting, settling) = tokio::join!(killed(Step::Waiting), killed(Step::Settling));
    assert_eq!((waiting, settling), (2, 2));
}
