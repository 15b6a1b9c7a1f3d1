//! Sends what is pending: claims the chat, sends one message outside of any transaction, settles.
//! The rule: any number of replicas may run it. The leases and budgets in the database keep them apart.

mod claim;
mod telegram;
mod trace;
mod wake;

use std::time::{Duration, Instant};

use kernel::Clock;
use mediator::Mediator;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::claim::{Claim, LEASE};
pub use self::telegram::{NoClient, Telegram};
pub use self::wake::Wake;
use crate::config::Settings;
use crate::domain::{Batch, Chat, Message, Outcome, compose};
use crate::error::Error;
use crate::store;

/// How often the sender looks for pending deliveries when nobody wakes it.
const POLL: Duration = Duration::from_millis(200);
/// The longest that one call to Telegram may take; shorter than the lease.
pub const CALL: Duration = Duration::from_secs(8);
/// How often the backlog is counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How often old deliveries are removed.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// The running sender.
#[derive(Debug)]
pub struct Sender {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sender {
    /// Starts the sender on the current runtime.
    #[must_use]
    pub fn start(mediator: Mediator, telegram: Telegram, wake: Wake, settings: Settings) -> Self {
        let (stop, stopped) = watch::channel(false);
        let work = Work { mediator, telegram, wake, settings };
        Self { stop, task: tokio::spawn(work.run(stopped)) }
    }

    /// Finishes the message that is being sent and ends.
    pub async fn stop(self) {
        // Nobody listens any more when the task has ended by itself.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the sender did not stop in order; the next one sends what it had claimed");
        }
    }
}

struct Work {
    mediator: Mediator,
    telegram: Telegram,
    wake: Wake,
    settings: Settings,
}

/// What a round over the chats found.
enum Round {
    /// Nothing is pending.
    Idle,
    /// Deliveries are pending, but no message may be sent before this has passed.
    Wait(Duration),
    /// A message was handled; there may be more.
    Again,
}

impl Work {
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut chats: Vec<Chat> = Vec::new();
        let mut counted: Option<Instant> = None;
        let mut forgot: Option<Instant> = None;
        while !*stopped.borrow() {
            let (pause, may_be_woken) = match self.round(&mut chats, &mut counted, &mut forgot).await {
                Ok(Round::Again) => continue,
                // A wait only grows, so new deliveries are no reason to look earlier.
                Ok(Round::Wait(pause)) => (pause.min(POLL), false),
                Ok(Round::Idle) => (POLL, true),
                Err(error) => {
                    tracing::warn!(%error, "the sender cannot claim deliveries; it tries again in a second");
                    (Duration::from_secs(1), false)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.signalled(), if may_be_woken => {}
                // The other end is dropped only together with the process.
                _ = stopped.changed() => {}
            }
        }
    }

    async fn round(
        &self,
        chats: &mut Vec<Chat>,
        counted: &mut Option<Instant>,
        forgot: &mut Option<Instant>,
    ) -> Result<Round, Error> {
        if chats.is_empty() {
            *chats = self.register().await?;
        }
        if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            if let Err(error) = self.count_backlog().await {
                tracing::warn!(%error, "pending deliveries could not be counted; they are sent all the same");
            }
            *counted = Some(Instant::now());
        }
        if forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            // One part at a time: pending deliveries do not wait until everything is removed.
            let more = self.forget().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "old deliveries could not be removed; it is tried again later");
                false
            });
            *forgot = (!more).then(Instant::now);
        }
        let mut all = Round::Idle;
        for chat in chats.iter() {
            all = match (all, self.send_next(chat).await?) {
                (Round::Again, _) | (_, Round::Again) => Round::Again,
                (Round::Wait(one), Round::Wait(two)) => Round::Wait(one.min(two)),
                (Round::Wait(pause), Round::Idle) | (Round::Idle, Round::Wait(pause)) => Round::Wait(pause),
                (Round::Idle, Round::Idle) => Round::Idle,
            };
        }
        Ok(all)
    }

    /// Removes old deliveries, and says whether there are more of them. In other services the relay prunes the inbox; the
    /// notifier publishes nothing and so has no relay.
    async fn forget(&self) -> Result<bool, Error> {
        let mut tx = self.mediator.system().await?;
        let more = store::deliveries::forget_told(&mut tx, self.settings.keep_days).await?;
        tx.commit().await?;
        if !more {
            persistence::prune(self.mediator.database(), persistence::Retention::default()).await?;
        }
        Ok(more)
    }

    /// The configured chat, and those of earlier configurations.
    async fn register(&self) -> Result<Vec<Chat>, Error> {
        let mut tx = self.mediator.system().await?;
        store::budgets::register(&mut tx, &self.settings.chat).await?;
        let chats = store::budgets::chats(&mut tx).await?;
        tx.commit().await?;
        Ok(chats)
    }

    async fn send_next(&self, chat: &Chat) -> Result<Round, Error> {
        match claim::claim(&self.mediator, chat, self.settings.per_minute).await? {
            Claim::Idle => Ok(Round::Idle),
            Claim::Wait(pause) => Ok(Round::Wait(pause)),
            Claim::Batch(batch) => {
                self.send(&batch).await;
                Ok(Round::Again)
            }
        }
    }

    /// Sends one message and settles it. When it cannot be settled, its deliveries are sent again after the lease.
    async fn send(&self, batch: &Batch) {
        let message = compose(&batch.deliveries);
        let spans = trace::Spans::open(batch, &message);
        let outcome = spans.around(self.telegram.send(&batch.address, &message.text)).await;
        spans.close(&outcome);
        report(batch, &message, &outcome);
        let deadline = Instant::now() + LEASE;
        loop {
            match claim::settle(&self.mediator, batch, &outcome).await {
                Ok(()) => return,
                Err(error) if Instant::now() < deadline => {
                    tracing::warn!(%error, "a message could not be settled; it is tried again");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(error) => {
                    tracing::error!(%error, outcome = outcome.as_str(), deliveries = batch.deliveries.len(),
                        "a message could not be settled; its deliveries will be sent twice");
                    return;
                }
            }
        }
    }

    async fn count_backlog(&self) -> Result<(), Error> {
        let mut tx = self.mediator.system().await?;
        let (pending, oldest) = store::deliveries::backlog(&mut tx).await?;
        tx.commit().await?;
        let age = oldest.map_or(0.0, |since| seconds(Clock::now() - since));
        // Counts stay far below the 2^53 up to which this is exact.
        metrics::gauge!("notifier_deliveries_pending").set(pending as f64);
        metrics::gauge!("notifier_oldest_pending_seconds").set(age);
        Ok(())
    }
}

/// Makes every failed delivery pending again, for the chat that is configured now, and says how many there were.
///
/// # Errors
/// When the database is away.
pub async fn retry_failed(mediator: &Mediator, chat: &Chat, wake: &Wake) -> Result<usize, Error> {
    let mut tx = mediator.system().await?;
    let rows = store::deliveries::retry_failed(&mut tx, chat).await?;
    tx.commit().await?;
    wake.signal();
    Ok(rows)
}

/// The metrics and the log line of a message.
fn report(batch: &Batch, message: &Message, outcome: &Outcome) {
    let form = if message.digest { "digest" } else { "full" };
    metrics::counter!("notifier_messages_total", "outcome" => outcome.as_str(), "form" => form).increment(1);
    let deliveries = batch.deliveries.len();
    let chat = batch.chat.as_str();
    match outcome {
        Outcome::Sent { message: id } => {
            let now = Clock::now();
            for delivery in &batch.deliveries {
                let kind = delivery.fact.kind().as_str();
                metrics::counter!("notifier_deliveries_total", "kind" => kind, "outcome" => "sent").increment(1);
                metrics::histogram!("notifier_delivery_seconds", "kind" => kind)
                    .record(seconds(now - delivery.occurred_at));
            }
            tracing::info!(chat, deliveries, form, message = id, "told Telegram");
        }
        Outcome::Limited { retry_after } => {
            metrics::gauge!("notifier_retry_after_seconds").set(retry_after.as_secs_f64());
            tracing::warn!(chat, deliveries, retry_after = retry_after.as_secs(), "Telegram asks to wait");
        }
        Outcome::Moved { to } => {
            tracing::warn!(chat, to, "the chat has moved; set TELEGRAM_CHAT_ID to its new id");
        }
        Outcome::Refused { cause } => {
            for delivery in &batch.deliveries {
                let kind = delivery.fact.kind().as_str();
                metrics::counter!("notifier_deliveries_total", "kind" => kind, "outcome" => "failed").increment(1);
            }
            tracing::error!(
                chat,
                deliveries,
                cause,
                "Telegram refuses the message for good; mend the cause, then run the rebuild failed-deliveries"
            );
        }
        Outcome::Unavailable { cause } => {
            tracing::warn!(chat, deliveries, cause, "Telegram cannot be reached; the message is sent again later");
        }
    }
}

fn seconds(delta: chrono::TimeDelta) -> f64 {
    delta.as_seconds_f64().max(0.0)
}
