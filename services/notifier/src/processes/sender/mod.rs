//! Sends what is pending in chats, and the courier what is pending elsewhere: claims a lane, sends one message outside of any transaction, settles it.
//! The rule: any number of replicas may run it. The leases and budgets in the database keep them apart. A crash or a panic
//! between claim and settlement leaves the deliveries pending, and they are sent again when the lease has run out: at least
//! once.

mod buttons;
mod courier;
mod email;
mod obstacles;
mod report;
mod telegram;
mod trace;
mod wake;
mod ways;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Clock;
use mediator::{Mediator, Platform, Scope, SendError};
use service::{CancellationToken, Part, Stage};

pub use self::courier::courier;
use self::email::Mailer;
pub use self::obstacles::Obstacles;
pub use self::telegram::Telegram;
pub(super) use self::telegram::{Unheard, Update};
pub use self::wake::Wake;
pub use self::ways::Ways;
use self::webhook::Webhooks;
use crate::commands::{ClaimDeliveries, Claimed, DeleteSent, Next, RecordHeartbeats, RegisterChat, SettleMessage};
use crate::config::Settings;
use crate::domain::{Address, Batch, Endpoint, FollowUp, Outcome, Receiver, Target};
use crate::error::Error;
use crate::queries::{CountBacklog, ListObstacles, ListTargets};

/// How often the sender looks for pending deliveries when nobody wakes it.
const POLL: Duration = Duration::from_millis(200);
/// The longest that one attempt to send may take.
const CALL: Duration = Duration::from_secs(8);
/// How long the Bot API is asked to wait for something that the bot is sent.
pub(super) const LISTEN: Duration = Duration::from_secs(20);
/// How long a lane belongs to a sender that is not heard of again: a call, and the time to settle it. A stop takes no
/// longer, because a message that is not settled by then is sent again anyway.
const LEASE: Duration = Duration::from_secs(12);
const _: () = assert!(CALL.as_secs() < LEASE.as_secs(), "another sender would send what is still being sent");
/// The most deliveries that one message tells of.
const MAX_DELIVERIES: i64 = 2_000;
/// How often the backlog is counted for the metrics, and obstacles that another replica met are looked for.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How often is looked whether it is time to tell somebody of the day before.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(20);
/// How often old deliveries are deleted.
const DELETE_EVERY: Duration = Duration::from_secs(600);

/// The longest cause that is stored with a delivery, in characters.
const MAX_CAUSE: usize = 300;

/// A client of one of the ways out cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("a client that messages are sent with cannot be made: {0}")]
pub struct NoClient(String);

/// The part that sends to chats. What keeps it from sending it tells to `obstacles`.
#[must_use]
pub fn sender(mediator: Mediator, settings: Settings, ways: Ways, wake: Wake, obstacles: Obstacles) -> Part {
    let work = move |stop| {
        let (mediator, settings) = (mediator.clone(), settings.clone());
        let (ways, wake, obstacles) = (ways.clone(), wake.clone(), obstacles.clone());
        async move {
            let scope = Scope::platform_system("sender");
            Sender { mediator, scope, ways, settings, wake, obstacles }.run(stop).await;
            Ok(())
        }
    };
    Part::restarted(Stage::Publishing, "sender", work).within(LEASE)
}

struct Sender {
    mediator: Mediator,
    scope: Scope<Platform>,
    ways: Ways,
    settings: Settings,
    wake: Wake,
    obstacles: Obstacles,
}

/// What a round over the targets found.
enum Round {
    /// Nothing is pending.
    Idle,
    /// Deliveries are pending, but no message may be sent before this has passed.
    Wait(Duration),
    /// A message was handled; there may be more.
    Again,
}

/// What is remembered from one round to the next.
#[derive(Default)]
struct Memory {
    registered: bool,
    counted: Option<Instant>,
    deleted: Option<Instant>,
    heartbeat: Option<Instant>,
}

impl Sender {
    /// Sends until it is told to stop; the message in hand is finished.
    async fn run(&self, stop: CancellationToken) {
        let mut memory = Memory::default();
        while !stop.is_cancelled() {
            let (pause, may_be_woken) = match self.round(&mut memory, &stop).await {
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
                () = stop.cancelled() => {}
            }
        }
    }

    async fn round(&self, memory: &mut Memory, stop: &CancellationToken) -> Result<Round, SendError<Error>> {
        if !memory.registered {
            self.mediator.send(&self.scope, RegisterChat { chat: self.settings.chat.clone() }).await?;
            memory.registered = true;
        }
        if memory.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            match self.mediator.ask(&self.scope, CountBacklog).await {
                Ok(backlog) => report::backlog(&backlog, Clock::now()),
                Err(error) => {
                    tracing::warn!(%error, "pending deliveries could not be counted; they are sent all the same");
                }
            }
            self.look_for_obstacles().await;
            memory.counted = Some(Instant::now());
        }
        if memory.heartbeat.is_none_or(|at| at.elapsed() >= HEARTBEAT_EVERY) {
            let Settings { chat: configured, heartbeat_at, voice, .. } = self.settings.clone();
            let configured_at = heartbeat_at.map(|at| (at, voice.time_zone));
            let record = RecordHeartbeats { configured, configured_at };
            if let Err(error) = self.mediator.send(&self.scope, record).await {
                tracing::warn!(%error, "what happened yesterday could not be written down; it is tried again");
            }
            memory.heartbeat = Some(Instant::now());
        }
        if memory.deleted.is_none_or(|at| at.elapsed() >= DELETE_EVERY) {
            // One part at a time: pending deliveries do not wait until everything is deleted.
            let delete = DeleteSent { keep_days: self.settings.keep_days };
            let more = self.mediator.send(&self.scope, delete).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "old deliveries could not be removed; it is tried again later");
                false
            });
            memory.deleted = (!more).then(Instant::now);
        }
        let mut all = Round::Idle;
        for target in self.mediator.ask(&self.scope, ListTargets { outside: false, mail: false }).await? {
            // The message in hand is finished, and the others are another replica's.
            if stop.is_cancelled() {
                break;
            }
            let next = self.send_next(target).await.unwrap_or_else(|error| {
                tracing::warn!(%error, ?target, "what is for a target cannot be claimed; it is tried again, after the others");
                Round::Wait(Duration::from_secs(1))
            });
            all = match (all, next) {
                (Round::Again, _) | (_, Round::Again) => Round::Again,
                (Round::Wait(one), Round::Wait(other)) => Round::Wait(one.min(other)),
                (Round::Wait(pause), Round::Idle) | (Round::Idle, Round::Wait(pause)) => Round::Wait(pause),
                (Round::Idle, Round::Idle) => Round::Idle,
            };
        }
        Ok(all)
    }

    async fn look_for_obstacles(&self) {
        match self.mediator.ask(&self.scope, ListObstacles { configured: self.settings.chat.clone() }).await {
            Ok(found) => self.obstacles.are(found),
            Err(error) => tracing::warn!(%error, "what keeps messages from being sent could not be read"),
        }
    }

    async fn send_next(&self, target: Target) -> Result<Round, SendError<Error>> {
        let Settings { chat, voice, per_minute, .. } = self.settings.clone();
        let endpoint = Endpoint::Chat(Address { chat, topic: None });
        let configured = Receiver { endpoint, voice, follow_up: FollowUp::New, silent: false };
        let claim = ClaimDeliveries { target, configured, per_minute, lease: LEASE, limit: MAX_DELIVERIES };
        let Claimed { next, abandoned, unreadable } = self.mediator.send(&self.scope, claim).await?;
        // Here and not in the command, which may run more than once before it is committed.
        unreadable.iter().for_each(report::unreadable);
        match next {
            Next::Idle => Ok(Round::Idle),
            Next::Wait(pause) => Ok(Round::Wait(pause)),
            Next::Send(batch) => {
                if abandoned {
                    report::unknown(batch.endpoint.kind().into(), "no-settlement");
                }
                self.send(batch).await;
                Ok(Round::Again)
            }
        }
    }

    /// Sends one message and settles it. When it cannot be settled, its deliveries are sent again after the lease.
    async fn send(&self, batch: Box<Batch>) {
        let batch: Arc<Batch> = Arc::from(batch);
        let message = batch.message(Clock::now());
        let buttons = self.buttons(&batch).await;
        let spans = trace::Spans::open(&batch, &message);
        let outcome = spans.around(self.ways.send(&batch, &message, &buttons)).await;
        spans.close(&outcome);
        report::message(&batch, &message, &outcome);
        let deadline = Instant::now() + LEASE;
        loop {
            let settle = SettleMessage { batch: Arc::clone(&batch), outcome: outcome.clone() };
            match self.mediator.send(&self.scope, settle).await {
                Ok(()) => break,
                Err(error) if Instant::now() < deadline => {
                    tracing::warn!(%error, "a message could not be settled; it is tried again");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(error) => {
                    tracing::error!(%error, outcome = outcome.as_str(), deliveries = batch.deliveries.len(),
                        "a message could not be settled; its deliveries will be sent again");
                    return;
                }
            }
        }
        if self.obstacles.any() || matches!(outcome, Outcome::Unauthorised { .. } | Outcome::Unreachable { .. }) {
            self.look_for_obstacles().await;
        }
    }
}

/// As much of a cause as is stored.
fn short(text: &str) -> String {
    text.chars().take(MAX_CAUSE).collect()
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        source = error.source();
    }
    said
}
