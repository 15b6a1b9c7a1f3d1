//! Tells what is pending: leases the chat, sends one message outside any transaction, settles. Any number of replicas
//! may run it; the leases and budgets in the database keep them from talking over each other.

mod claim;
mod telegram;
mod trace;
mod wake;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Clock;
use mediator::Mediator;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::claim::{Batch, Claimed};
pub use self::telegram::{Telegram, Unprepared};
pub use self::wake::Wake;
use crate::domain::{Chat, Message, Outcome, compose};
use crate::store;

/// How the sender works; the defaults are for production.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The chat of the operations team.
    pub chat: Chat,
    /// How often it looks when nobody wakes it.
    pub poll: Duration,
    /// How long one call to Telegram may take.
    pub call: Duration,
    /// How long a chat belongs to a sender that says nothing more; longer than `call`.
    pub lease: Duration,
    /// Deliveries that one message tells of at most.
    pub most: i64,
    /// Messages per minute to a chat; none is what Telegram allows for its kind.
    pub per_minute: Option<u32>,
    /// Days for which told deliveries are kept.
    pub keep_days: i32,
}

impl Settings {
    /// The settings of production for this chat.
    #[must_use]
    pub fn new(chat: Chat) -> Self {
        Self {
            chat,
            poll: Duration::from_millis(200),
            call: Duration::from_secs(8),
            lease: Duration::from_secs(12),
            most: 2_000,
            per_minute: None,
            keep_days: 30,
        }
    }
}

/// How often the backlog is counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How often told deliveries are removed.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// The running sender.
#[derive(Debug)]
pub struct Sender {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sender {
    /// Starts it on the current runtime.
    #[must_use]
    pub fn start(mediator: Mediator, telegram: Telegram, wake: Wake, settings: Settings) -> Self {
        let (stop, stopped) = watch::channel(false);
        let work = Work { mediator, telegram, wake, settings: Arc::new(settings) };
        Self { stop, task: tokio::spawn(work.run(stopped)) }
    }

    /// Finishes the message that is being sent and ends.
    pub async fn stop(self) {
        // Nobody listens any more when the task has ended by itself.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the sender did not end in order; what it held is sent by the next one");
        }
    }

    /// Ends at once, as a crash would, whatever is being sent: for tests of what happens then.
    pub fn abort(&self) {
        self.task.abort();
    }
}

struct Work {
    mediator: Mediator,
    telegram: Telegram,
    wake: Wake,
    settings: Arc<Settings>,
}

/// What one look at a chat came to.
enum Look {
    /// Nothing to tell.
    Idle,
    /// Something to tell, not before this has passed.
    Later(Duration),
    /// A message was handled; there may be more.
    Again,
}

impl Work {
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut chats: Vec<Chat> = Vec::new();
        let mut counted: Option<Instant> = None;
        let mut forgot: Option<Instant> = None;
        while !*stopped.borrow() {
            let (pause, may_be_woken) = match self.look_at_all(&mut chats, &mut counted, &mut forgot).await {
                Ok(Look::Again) => continue,
                // Limits only ever become later, so new deliveries are no reason to look before.
                Ok(Look::Later(pause)) => (pause.min(self.settings.poll), false),
                Ok(Look::Idle) => (self.settings.poll, true),
                Err(error) => {
                    tracing::warn!(%error, "the sender cannot read what is to be told; it tries again in a second");
                    (Duration::from_secs(1), false)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.rung(), if may_be_woken => {}
                // The other end is dropped only together with the process.
                _ = stopped.changed() => {}
            }
        }
    }

    async fn look_at_all(
        &self,
        chats: &mut Vec<Chat>,
        counted: &mut Option<Instant>,
        forgot: &mut Option<Instant>,
    ) -> Result<Look, persistence::Error> {
        if chats.is_empty() {
            *chats = self.register().await?;
        }
        if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            if let Err(error) = self.count_backlog().await {
                tracing::warn!(%error, "what is still to be told was not counted; that keeps nobody from telling it");
            }
            *counted = Some(Instant::now());
        }
        if forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            // A part at a time: what is to be told does not wait until everything is removed.
            let more = self.forget().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "what is past its time was not removed; tried again later");
                false
            });
            *forgot = (!more).then(Instant::now);
        }
        let mut all = Look::Idle;
        for chat in chats.iter() {
            all = match (all, self.look_at(chat).await?) {
                (Look::Again, _) | (_, Look::Again) => Look::Again,
                (Look::Later(one), Look::Later(two)) => Look::Later(one.min(two)),
                (Look::Later(pause), Look::Idle) | (Look::Idle, Look::Later(pause)) => Look::Later(pause),
                (Look::Idle, Look::Idle) => Look::Idle,
            };
        }
        Ok(all)
    }

    /// Removes what is past its time, or a part of it: then there is more. Elsewhere the relay prunes the inbox; the
    /// notifier publishes nothing and has none.
    async fn forget(&self) -> Result<bool, persistence::Error> {
        let mut tx = self.mediator.system().await?;
        let more = store::deliveries::forget_told(&mut tx, self.settings.keep_days).await?;
        tx.commit().await?;
        if !more {
            persistence::prune(self.mediator.database(), persistence::Retention::default()).await?;
        }
        Ok(more)
    }

    /// The configured chat, and those of earlier configurations to which something is still owed.
    async fn register(&self) -> Result<Vec<Chat>, persistence::Error> {
        let mut tx = self.mediator.system().await?;
        store::budgets::register(&mut tx, &self.settings.chat).await?;
        let chats = store::budgets::chats(&mut tx).await?;
        tx.commit().await?;
        Ok(chats)
    }

    async fn look_at(&self, chat: &Chat) -> Result<Look, persistence::Error> {
        match claim::claim(&self.mediator, chat, &self.settings).await? {
            Claimed::Nothing => Ok(Look::Idle),
            Claimed::Wait(pause) => Ok(Look::Later(pause)),
            Claimed::Batch(batch) => {
                self.tell(&batch).await;
                Ok(Look::Again)
            }
        }
    }

    /// Sends one message and settles it. What cannot be settled is sent again when the lease has run out.
    async fn tell(&self, batch: &Batch) {
        let message = compose(&batch.deliveries);
        let outcome = {
            let spans = trace::Spans::open(batch, &message);
            let outcome = spans.around(self.telegram.send(&batch.address, &message.text)).await;
            spans.close(&outcome);
            outcome
        };
        report(batch, &message, &outcome);
        let deadline = Instant::now() + self.settings.lease;
        loop {
            match claim::settle(&self.mediator, batch, &outcome).await {
                Ok(()) => return,
                Err(error) if Instant::now() < deadline => {
                    tracing::warn!(%error, "what was told cannot be marked yet; it is tried again");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(error) => {
                    tracing::error!(%error, outcome = outcome.name(), deliveries = batch.deliveries.len(),
                        "what was told could not be marked; it will be told twice");
                    return;
                }
            }
        }
    }

    async fn count_backlog(&self) -> Result<(), persistence::Error> {
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

/// Puts everything that failed back among what is to be told, to the chat that is configured now.
///
/// # Errors
/// When the database is away.
pub async fn retry_failed(mediator: &Mediator, chat: &Chat, wake: &Wake) -> Result<usize, persistence::Error> {
    let mut tx = mediator.system().await?;
    let rows = store::deliveries::retry_failed(&mut tx, chat).await?;
    tx.commit().await?;
    wake.ring();
    Ok(rows)
}

/// Metrics and the one log line of a message.
fn report(batch: &Batch, message: &Message, outcome: &Outcome) {
    let form = if message.digest { "digest" } else { "full" };
    metrics::counter!("notifier_messages_total", "outcome" => outcome.name(), "form" => form).increment(1);
    let deliveries = batch.deliveries.len();
    let chat = batch.chat.as_str();
    match outcome {
        Outcome::Sent { message: id } => {
            let now = Clock::now();
            for delivery in &batch.deliveries {
                let kind = delivery.fact.kind().name();
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
                let kind = delivery.fact.kind().name();
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
