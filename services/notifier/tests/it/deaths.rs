//! A sender that is killed at every step of a message: what it held is told all the same, and at most the message in hand
//! is told twice.

use devstack::bot_api::Failure;
use kernel::{DestinationId, OrderId};
use notifier::config::{Settings, Smtp};
use serde_json::json;
use service::Secret;
use testkit::{Caller, Program, Running, Topics, eventually};

use crate::mail_server::{Answer, CREDENTIALS, MailServer};
use crate::receiver::{Receiver, Reply};
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

/// The way out that it takes.
#[derive(Debug, Clone, Copy)]
enum Out {
    Telegram,
    Email,
    Webhook,
}

/// The receivers of all ways.
struct Receivers {
    stage: Stage,
    mail: MailServer,
    webhook: Receiver,
}

impl Receivers {
    /// How many messages were accepted on this way.
    fn accepted(&self, out: Out) -> usize {
        match out {
            Out::Telegram => self.stage.telegram.messages().len(),
            Out::Email => self.mail.mails().len(),
            Out::Webhook => self.webhook.requests().len(),
        }
    }

    /// Has the next message refused after a minute, or accepted and said so after so many milliseconds.
    fn delay(&self, out: Out, accepted_after: Option<u64>) {
        match (out, accepted_after) {
            (Out::Telegram, None) => self.stage.telegram.fail_next(1, Failure::LateRefusal(60_000)),
            (Out::Telegram, Some(pause)) => self.stage.telegram.fail_next(1, Failure::LateReply(pause)),
            (Out::Email, None) => self.mail.answer(&[Answer::Late(60_000)]),
            (Out::Email, Some(pause)) => self.mail.answer(&[Answer::LateReply(pause)]),
            (Out::Webhook, None) => self.webhook.reply(&[Reply::Unread(60_000)]),
            (Out::Webhook, Some(pause)) => self.webhook.reply(&[Reply::Slow(pause)]),
        }
    }

    /// Makes the destination of this way; none is the chat of the configuration.
    async fn destination(&self, out: Out, replica: &Running) -> Option<DestinationId> {
        let wanted = match out {
            Out::Telegram => return None,
            Out::Email => json!({"name": "Owner", "email": "owner@shop.example"}),
            Out::Webhook => json!({"name": "Ledger", "url": self.webhook.url()}),
        };
        let client = self.stage.scene.client(replica.base(), Caller::Owner);
        let (status, made) = client.post("/admin/v1/destinations", &wanted).await;
        assert_eq!(status, 201, "{made}");
        Some(made["destination"]["id"].as_str().unwrap().parse().unwrap())
    }

    fn sender(&self) -> Program {
        let url = self.mail.url(CREDENTIALS);
        self.stage.process_with(&[
            ("SMTP_URL", &url),
            ("SMTP_FROM", "store@shop.example"),
            ("WEBHOOK_ALLOW_PRIVATE", "true"),
        ])
    }
}

/// Kills a sender there; how many messages there are in the end for the one that it was about.
async fn killed(out: Out, step: Step) -> usize {
    let receivers =
        Receivers { stage: Stage::new().await, mail: MailServer::start().await, webhook: Receiver::start().await };
    let stage = &receivers.stage;
    let from = "store@shop.example".parse().unwrap();
    let smtp = Some(Smtp { url: Secret::new(receivers.mail.url(CREDENTIALS)), from });
    let replica = stage.start_with(Settings { smtp, ..stage.settings() }, Topics::On).await;
    let destination = receivers.destination(out, &replica).await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    replica.stop().await;
    stage.write(1, "order-confirmed", CONFIRMED).await;
    if let Some(destination) = destination {
        let its = format!("update deliveries set destination = '{}' where state = 'pending'", destination.uuid());
        stage.superuser.batch_execute(&its).await.unwrap();
    }

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
    let accepted = receivers.accepted(out);
    let is_accepted = async || receivers.accepted(out) > accepted;
    let sender = match step {
        Step::Claiming => {
            lock("budgets").await;
            let sender = receivers.sender();
            eventually(PATIENCE, is_blocked).await;
            sender
        }
        Step::Calling => {
            receivers.delay(out, None);
            let sender = receivers.sender();
            eventually(PATIENCE, is_leased).await;
            sender
        }
        Step::Waiting => {
            receivers.delay(out, Some(60_000));
            let sender = receivers.sender();
            eventually(PATIENCE, is_accepted).await;
            sender
        }
        Step::Settling => {
            receivers.delay(out, Some(4_000));
            let sender = receivers.sender();
            eventually(PATIENCE, is_accepted).await;
            lock("deliveries").await;
            eventually(PATIENCE, is_blocked).await;
            sender
        }
    };
    // Dropping it sends SIGKILL.
    drop(sender);
    let _was_open = blocker.batch_execute("rollback").await;
    assert_eq!((stage.count("sent").await, stage.count("pending").await), (1, 1), "{out:?} {step:?}");

    // Nobody waits for a lease that nobody holds any more.
    stage.superuser.batch_execute("update budgets set leased_until = now()").await.unwrap();
    let heir = receivers.sender();
    stage.told(2).await;
    drop(heir);
    let messages = stage.telegram.messages();
    assert_eq!(messages.iter().filter(|message| message.chat_id == CHAT).count(), messages.len());
    messages.iter().for_each(|message| assert_eq!(facts_in(message), 1, "{}", message.text));
    receivers.accepted(out) - accepted
}

const CONFIRMED: &str = r#"{"kind":"order-confirmed","order":"ord_01h455vb4pex5vsknk084sn02q","total":{"amount":"30.00","currency":"USD"}}"#;

const ALL: [Out; 3] = [Out::Telegram, Out::Email, Out::Webhook];

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_killed_before_its_message_was_accepted_leaves_one_message() {
    for out in ALL {
        let (claiming, calling) = tokio::join!(killed(out, Step::Claiming), killed(out, Step::Calling));
        assert_eq!((claiming, calling), (1, 1), "{out:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_killed_after_its_message_was_accepted_leaves_that_one_and_its_repetition() {
    for out in ALL {
        let (waiting, settling) = tokio::join!(killed(out, Step::Waiting), killed(out, Step::Settling));
        assert_eq!((waiting, settling), (2, 2), "{out:?}");
    }
}
