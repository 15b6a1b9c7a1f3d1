//! What the bot is sent, handled once.
//! The rule: an update counts as handled in the transaction that does what it asks, and only the replica that holds the lease
//! handles any. The same update again changes nothing.

use std::time::Duration;

use access::Permission;
use kernel::{Clock, EventId};
use mediator::{Command, Platform, Tx};
use uuid::Uuid;

use crate::domain::{
    BOT_LIMITS, BotId, Chat, Circumstances, Decision, Fact, HELP, Lease, NewDelivery, REFUSED, Received, Request,
    status,
};
use crate::error::Error;
use crate::store::{budgets, deliveries, destinations, readings};

/// Takes or renews the right to read what the bot is sent. The reply is the number of the next update; none while another
/// replica has it.
#[derive(Debug, Clone)]
pub struct ClaimReading {
    /// The bot that it is about.
    pub bot: BotId,
    /// The lease.
    pub lease: Lease,
    /// How long it is good.
    pub duration: Duration,
}

impl Command for ClaimReading {
    const NAME: &'static str = "notifier.claim-reading";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Option<i64>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Option<i64>, Error> {
        readings::claim(tx, &self.bot, self.lease, self.duration).await
    }
}

/// Lets another replica read.
#[derive(Debug, Clone)]
pub struct ReleaseReading {
    /// The bot that it is about.
    pub bot: BotId,
    /// The lease that ends.
    pub lease: Lease,
}

impl Command for ReleaseReading {
    const NAME: &'static str = "notifier.release-reading";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        readings::release(tx, &self.bot, self.lease).await
    }
}

/// Begins anew with the numbers of a reply that lies below the next update as a whole. The reply is whether that was done, which
/// only the holder of the lease may.
#[derive(Debug, Clone)]
pub struct RestartReading {
    /// The bot that it is about.
    pub bot: BotId,
    /// The lease of the replica that read the reply.
    pub lease: Lease,
    /// The lowest number of the reply.
    pub first: i64,
    /// The highest number of the reply.
    pub last: i64,
}

impl Command for RestartReading {
    const NAME: &'static str = "notifier.restart-reading";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        readings::restart(tx, &self.bot, self.lease, self.first, self.last).await
    }
}

/// Notes whether Telegram knew the token of the bot when it was listened to, so that a wrong one is told also while nothing is
/// to be sent.
#[derive(Debug, Clone)]
pub struct NoteToken {
    /// Telegram's code and description, where it did not.
    pub refused: Option<String>,
}

impl Command for NoteToken {
    const NAME: &'static str = "notifier.note-token";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        budgets::note_token(tx, self.refused.as_deref()).await
    }
}

/// Handles what the bot was sent. The reply is what it answers in the chat, in Telegram's HTML; none where it says nothing, or
/// says it with a delivery.
#[derive(Debug, Clone)]
pub struct HandleUpdate {
    /// The bot that was sent it.
    pub bot: BotId,
    /// The lease of the replica that read it.
    pub lease: Lease,
    /// Telegram's number of the update.
    pub update: i64,
    /// The name of the bot, as commands name it.
    pub own_name: String,
    /// The message in it; none where it is something else.
    pub message: Option<Received>,
}

impl Command for HandleUpdate {
    const NAME: &'static str = "notifier.handle-update";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Option<String>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Option<String>, Error> {
        if !readings::take(tx, &self.bot, self.lease, self.update).await? {
            return Ok(None);
        }
        let Some(message) = &self.message else { return Ok(None) };
        let Some(request) = message.request(&self.own_name, Clock::now()) else { return Ok(None) };
        // A right code links the chat however often the chat has asked. That a wrong one does not counts as an answer.
        if let Request::Link(Some(code)) = &request
            && let Some((organisation, destination, name)) = destinations::link(tx, code, message).await?
        {
            budgets::register(tx, &Chat::numbered(message.chat)).await?;
            let linked = NewDelivery {
                organisation,
                event: EventId::new(),
                fact: Fact::Linked { name },
                circumstances: Circumstances::default(),
                occurred_at: Clock::now(),
                correlation: Uuid::now_v7(),
                traceparent: None,
            };
            // Told like any other fact, so that it is told for certain.
            deliveries::insert(tx, None, &[(Some(destination), &linked)]).await?;
            return Ok(None);
        }
        if !readings::may_ask(tx, message.chat).await? {
            return Ok(None);
        }
        let answer = match request {
            Request::Link(_) => REFUSED.to_owned(),
            Request::Status => status(&destinations::of_chat(tx, message).await?),
            Request::Help => HELP.to_owned(),
        };
        // An answer takes from the budget of the bot like any message, and is left out where there is none.
        let (bot, now) = budgets::lock_bot(tx).await?;
        let Decision::Send(arrivals) = bot.decide(now, BOT_LIMITS) else { return Ok(None) };
        budgets::take_of_bot(tx, arrivals).await?;
        Ok(Some(answer))
    }
}
