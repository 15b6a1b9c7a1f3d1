//! Listens to what the bot is sent, and answers in the chat.
//! The rule: one replica listens at a time, by a lease in the database; what was read is handled once, whichever replica read it.

use std::time::Duration;

use mediator::{Mediator, Platform, Scope, SendError};
use service::{CancellationToken, Part, Stage};

use super::Wake;
use super::sender::{LISTEN, Telegram, Unheard, Update};
use crate::commands::{ClaimReading, HandleUpdate, NoteToken, ReleaseReading, RestartReading};
use crate::domain::{Address, Chat, Lease, back_off};
use crate::error::Error;

/// How long the right to listen is good: a call to the Bot API, and the time to handle what it brought.
const LEASE: Duration = Duration::from_secs(40);
const _: () = assert!(LISTEN.as_secs() + 10 < LEASE.as_secs(), "another replica would listen at the same time");
/// How often a replica that does not listen looks whether it may.
const LOOK: Duration = Duration::from_secs(2);
/// The pause after a reply that brought nothing to handle, so that no reply makes the listener ask without end.
const NOTHING_NEW: Duration = Duration::from_secs(1);

/// The part that listens. What it links is told at once by the sender that `wake` wakes.
#[must_use]
pub fn listener(mediator: Mediator, telegram: Telegram, wake: Wake) -> Part {
    Part::restarted(Stage::Consuming, "listener", move |stop| {
        let (mediator, telegram, wake) = (mediator.clone(), telegram.clone(), wake.clone());
        async move {
            let scope = Scope::platform_system("listener");
            Listener { mediator, scope, telegram, wake, lease: Lease::new() }.run(stop).await;
            Ok(())
        }
    })
}

struct Listener {
    mediator: Mediator,
    scope: Scope<Platform>,
    telegram: Telegram,
    wake: Wake,
    lease: Lease,
}

impl Listener {
    /// Listens until it is told to stop.
    async fn run(&self, stop: CancellationToken) {
        let mut failures: u32 = 0;
        while !stop.is_cancelled() {
            let pause = match self.mediator.send(&self.scope, self.claim()).await {
                Ok(Some(next)) => match stop.run_until_cancelled(self.hear(next)).await {
                    Some(Ok((own_name, updates))) => {
                        failures = 0;
                        self.note_token(None).await;
                        self.handle(next, &own_name, updates).await
                    }
                    Some(Err(unheard)) => {
                        failures = failures.saturating_add(1);
                        self.tell(unheard, failures).await;
                        back_off(failures, rand::random())
                    }
                    None => break,
                },
                Ok(None) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "whether this replica listens to the bot could not be found out");
                    LOOK
                }
            };
            let _stopped = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        let release = ReleaseReading { bot: self.telegram.id().clone(), lease: self.lease };
        if let Err(error) = self.mediator.send(&self.scope, release).await {
            tracing::warn!(%error, "another replica listens to the bot only when the lease has run out");
        }
    }

    /// The name of the bot, which is asked for once, and what it was sent.
    async fn hear(&self, next: i64) -> Result<(String, Vec<Update>), Unheard> {
        let own_name = self.telegram.name().await?.to_owned();
        Ok((own_name, self.telegram.updates(next).await?))
    }

    /// The log says once that it began; a wrong token is told like every obstacle.
    async fn tell(&self, unheard: Unheard, failures: u32) {
        match unheard {
            Unheard::Unauthorised(cause) => self.note_token(Some(cause)).await,
            Unheard::Unavailable(cause) if failures == 1 => {
                tracing::warn!(cause, "the bot cannot be listened to; it is tried again, a minute later at most");
            }
            Unheard::Unavailable(cause) => tracing::debug!(cause, failures, "the bot cannot be listened to yet"),
        }
    }

    async fn note_token(&self, refused: Option<String>) {
        if let Err(error) = self.mediator.send(&self.scope, NoteToken { refused }).await {
            tracing::warn!(%error, "whether Telegram knows the token of the bot could not be noted");
        }
    }

    fn claim(&self) -> ClaimReading {
        ClaimReading { bot: self.telegram.id().clone(), lease: self.lease, duration: LEASE }
    }

    /// Handles the reply to a call for the updates from `next` on, in their order; the pause before the next call.
    async fn handle(&self, next: i64, own_name: &str, updates: Vec<Update>) -> Duration {
        let numbers = || updates.iter().map(|update| update.number);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return NOTHING_NEW };
        if last < next && !self.restarted(first, last).await {
            return NOTHING_NEW;
        }
        for update in updates {
            if let Err(error) = self.answer(own_name, update).await {
                // It is read again, and handled then.
                tracing::warn!(%error, "what the bot was sent could not be handled; it is tried again");
                return Duration::from_secs(1);
            }
        }
        Duration::ZERO
    }

    /// Begins anew with these numbers; whether that was done.
    async fn restarted(&self, first: i64, last: i64) -> bool {
        let restart = RestartReading { bot: self.telegram.id().clone(), lease: self.lease, first, last };
        match self.mediator.send(&self.scope, restart).await {
            Ok(restarted) => {
                if restarted {
                    tracing::info!(first, last, "the updates of the bot have new numbers; it is read on from them");
                }
                restarted
            }
            Err(error) => {
                tracing::warn!(%error, "that the updates of the bot have new numbers could not be stored; it is tried again");
                false
            }
        }
    }

    async fn answer(&self, own_name: &str, update: Update) -> Result<(), SendError<Error>> {
        let to = update.message.as_ref().map(|it| Address { chat: Chat::numbered(it.chat), topic: it.topic });
        let bot = self.telegram.id().clone();
        let (lease, own_name) = (self.lease, own_name.to_owned());
        let handle = HandleUpdate { bot, lease, update: update.number, own_name, message: update.message };
        let answer = self.mediator.send(&self.scope, handle).await?;
        self.wake.signal();
        if let (Some(to), Some(answer)) = (to, answer) {
            let outcome = self.telegram.send(&to, &answer).await;
            tracing::debug!(outcome = outcome.as_str(), "answered in a chat");
        }
        Ok(())
    }
}
