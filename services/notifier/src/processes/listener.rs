//! Listens to what the bot is sent, and answers in the chat.
//! The rule: one replica listens at a time, by a lease in the database; what was read is handled once, whichever replica read it.

use std::time::{Duration, Instant};

use kernel::OrganisationId;
use mediator::{Mediator, Platform, Scope, SendError};
use service::{CancellationToken, Part, Stage};

use super::Wake;
use super::sender::{LISTEN, Telegram, Unheard, Update};
use crate::commands::{ClaimReading, HandleUpdate, NoteToken, ReleaseReading, RestartReading, TakeAnswer};
use crate::config::Settings;
use crate::domain::{Address, ButtonSeal, Chat, Heard, Lease, Question, Reaction, answer, back_off};
use crate::error::Error;
use crate::queries::AnswerQuestion;

/// How long the right to listen is good: a call to the Bot API, and the time to handle what it brought.
const LEASE: Duration = Duration::from_secs(40);
const _: () = assert!(LISTEN.as_secs() + 10 < LEASE.as_secs(), "another replica would listen at the same time");
/// How often a replica that does not listen looks whether it may.
const LOOK: Duration = Duration::from_secs(2);
/// How long an answer waits for its place in the budgets. What else was sent to the bot waits as long.
const ROOM: Duration = Duration::from_secs(3);
/// The longest pause after calls that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The pause after a reply that brought nothing to handle, so that no reply makes the listener ask without end.
const NOTHING_NEW: Duration = Duration::from_secs(1);

/// The part that listens. What it links is told at once by the sender that `wake` wakes.
#[must_use]
pub fn listener(mediator: Mediator, settings: Settings, telegram: Telegram, wake: Wake) -> Part {
    Part::restarted(Stage::Consuming, "listener", move |stop| {
        let (mediator, settings) = (mediator.clone(), settings.clone());
        let (telegram, wake) = (telegram.clone(), wake.clone());
        async move {
            let scope = Scope::platform_system("listener");
            Listener { mediator, scope, settings, telegram, wake, lease: Lease::new() }.run(stop).await;
            Ok(())
        }
    })
}

struct Listener {
    mediator: Mediator,
    scope: Scope<Platform>,
    settings: Settings,
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
                        back_off(failures, rand::random(), LONGEST_PAUSE)
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
        let to = match &update.heard {
            Some(Heard::Said(said)) => Some(Address { chat: Chat::numbered(said.chat), topic: said.topic }),
            Some(Heard::Pressed(_)) | None => None,
        };
        let handle = HandleUpdate {
            bot: self.telegram.id().clone(),
            lease: self.lease,
            update: update.number,
            own_name: own_name.to_owned(),
            heard: update.heard,
            configured: self.settings.chat.clone(),
            seal: ButtonSeal::of_bot(self.settings.token.expose()),
        };
        let reaction = self.mediator.send(&self.scope, handle).await?;
        self.wake.signal();
        let said = match reaction {
            Some(Reaction::Answer(said)) => said,
            Some(Reaction::Look { organisations, question }) => self.look(organisations, question).await,
            Some(Reaction::Toast { callback, text }) => {
                self.telegram.toast(&callback, text).await;
                return Ok(());
            }
            None => return Ok(()),
        };
        if let Some(to) = to
            && self.may_answer(&to.chat).await?
        {
            let outcome = self.telegram.send(&to, &said).await;
            tracing::debug!(outcome = outcome.as_str(), "answered in a chat");
        }
        Ok(())
    }

    /// Whether there is room for an answer, or is soon. One for which there is none is left out.
    async fn may_answer(&self, chat: &Chat) -> Result<bool, SendError<Error>> {
        let until = Instant::now() + ROOM;
        loop {
            let (configured, per_minute) = (self.settings.chat.clone(), self.settings.per_minute);
            let take = TakeAnswer { chat: chat.clone(), configured, per_minute };
            match self.mediator.send(&self.scope, take).await? {
                None => return Ok(true),
                Some(wait) if Instant::now() + wait > until => return Ok(false),
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// What these organisations have to answer, in one message. Each is asked for its own rows.
    async fn look(&self, organisations: Vec<(OrganisationId, String)>, question: Question) -> String {
        let mut answers = Vec::with_capacity(organisations.len());
        for (organisation, name) in organisations {
            let asked = AnswerQuestion { question: question.clone() };
            let lines = self.mediator.ask(&self.scope.within(organisation), asked).await.unwrap_or_else(|error| {
                tracing::warn!(%error, %organisation, "what somebody asked for in a chat could not be read");
                vec!["That cannot be looked up just now; ask again.".to_owned()]
            });
            answers.push((name, lines));
        }
        answer(&answers)
    }
}
