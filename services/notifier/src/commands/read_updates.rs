//! What the bot is sent, handled once.
//! The rule: an update counts as handled in the transaction that does what it asks, and only the replica that holds the lease
//! handles any. The same update again changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use access::Permission;
use kernel::{Clock, EventId};
use mediator::{Command, Platform, Provenance, Tx};
use uuid::Uuid;

use crate::domain::{
    ASKED, BotId, ButtonSeal, Chat, Circumstances, Fact, HELP, Heard, Lane, Lease, NO_MEMBER, NOT_PERMITTED,
    NOTHING_TO_MUTE, NewDelivery, Place, Press, Question, REFUSED, Reaction, Received, Request, Sealed, UNKNOWN_BUTTON,
    UNLINKED, account_linked, muted, status,
};
use crate::error::Error;
use crate::published;
use crate::store::{budgets, chat_links, deliveries, destinations, readings};

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

/// Handles what the bot was sent. The reply is what it does about that besides; none where it says nothing, or says it with a
/// delivery.
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
    /// What it is; none where it is nothing that the bot looks at.
    pub heard: Option<Heard>,
    /// The chat of the configuration.
    pub configured: Chat,
    /// What knows the bot's own buttons.
    pub seal: ButtonSeal,
}

impl Command for HandleUpdate {
    const NAME: &'static str = "notifier.handle-update";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Option<Reaction>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Option<Reaction>, Error> {
        if !readings::take(tx, &self.bot, self.lease, self.update).await? {
            return Ok(None);
        }
        match &self.heard {
            Some(Heard::Said(message)) => self.hear(tx, message).await,
            Some(Heard::Pressed(press)) => self.press(tx, press).await.map(Some),
            None => Ok(None),
        }
    }
}

impl HandleUpdate {
    async fn hear(&self, tx: &mut Tx<'_, Platform>, message: &Received) -> Result<Option<Reaction>, Error> {
        let Some(request) = message.request(&self.own_name, Clock::now()) else { return Ok(None) };
        // A right code links however often the chat has asked. That a wrong one does not counts as an answer.
        if let Request::Link(Some(code)) = &request
            && let Some((organisation, destination, name)) = destinations::link(tx, code, message).await?
        {
            budgets::register(tx, &Lane::of_chat(&Chat::numbered(message.chat))).await?;
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
        if let (Request::Link(Some(code)) | Request::Me(Some(code)), Some(account)) = (&request, message.account)
            && let Some(organisation) = chat_links::link(tx, code, account).await?
        {
            return Ok(Some(Reaction::Answer(account_linked(&organisation))));
        }
        let places = match (&request, message.account) {
            (Request::Ask(_) | Request::Mute(_), Some(account)) => {
                self.places(tx, account, message.chat, message.topic).await?
            }
            _ => Vec::new(),
        };
        // Members are slowed down by the budget of the chat alone.
        if places.is_empty() && !readings::may_ask(tx, message.chat).await? {
            return Ok(None);
        }
        let answer = match request {
            Request::Link(_) | Request::Me(_) => REFUSED.to_owned(),
            Request::Status => status(&destinations::of_chat(tx, message).await?),
            Request::Help => HELP.to_owned(),
            Request::Ask(_) | Request::Mute(_) if places.is_empty() => UNLINKED.to_owned(),
            Request::Ask(question) => return Ok(Some(look(&places, question))),
            Request::Mute(duration) => mute(tx, &places, duration).await?,
        };
        Ok(Some(Reaction::Answer(answer)))
    }

    async fn places(
        &self,
        tx: &mut Tx<'_, Platform>,
        account: i64,
        chat: i64,
        topic: Option<i64>,
    ) -> Result<Vec<Place>, Error> {
        let is_configured = self.configured.number() == Some(chat) && topic.is_none();
        chat_links::places(tx, account, (chat, topic), is_configured).await
    }

    /// What is asked for with a genuine button, by a member, is said on the topic. Order looks whether the member may do it.
    async fn press(&self, tx: &mut Tx<'_, Platform>, press: &Press) -> Result<Reaction, Error> {
        let toast = |text| Reaction::Toast { callback: press.callback.clone(), text };
        let Some(sealed) = Sealed::parse(&press.data) else { return Ok(toast(UNKNOWN_BUTTON)) };
        let places = self.places(tx, press.account, press.chat, press.topic).await?;
        if places.is_empty() {
            return Ok(toast(NO_MEMBER));
        }
        let genuine = |place: &&Place| self.seal.knows(place.organisation, place.destination, &sealed);
        let Some(place) = places.iter().find(genuine) else { return Ok(toast(UNKNOWN_BUTTON)) };
        let cause = Provenance::new(place.user.to_string());
        tx.record_within(place.organisation, &cause, Clock::now(), 1, published::requested(place, &sealed));
        Ok(toast(ASKED))
    }
}

/// Whom a question goes to: the organisations in which whoever asks may know the answer.
fn look(places: &[Place], question: Question) -> Reaction {
    let permitted = places.iter().filter(|place| place.permits(question.needs()));
    let organisations: BTreeMap<_, _> =
        permitted.map(|place| (place.organisation, place.organisation_name.clone())).collect();
    if organisations.is_empty() {
        return Reaction::Answer(NOT_PERMITTED.to_owned());
    }
    Reaction::Look { organisations: organisations.into_iter().collect(), question }
}

/// Has nothing told here for so long, as far as whoever asks may say so: what is answered.
async fn mute(tx: &mut Tx<'_, Platform>, places: &[Place], duration: Option<Duration>) -> Result<String, Error> {
    let permitted = places.iter().filter(|place| place.permits(Permission::NotificationManage));
    let there: Vec<_> = permitted.filter_map(|place| Some((place.organisation, place.destination?))).collect();
    if there.is_empty() {
        return Ok(NOTHING_TO_MUTE.to_owned());
    }
    Ok(muted(destinations::mute(tx, &there, duration).await?.filter(|_| duration.is_some())))
}

/// Takes an answer from the budget of a chat, where it has one, and from that of the bot: an answer is a message like any other. The
/// reply is how long to wait where they allow none now; then nothing was taken.
#[derive(Debug, Clone)]
pub struct TakeAnswer {
    /// The chat.
    pub chat: Chat,
    /// The chat of the configuration.
    pub configured: Chat,
    /// Messages per minute to the chat of the configuration; `None`, as for every other chat, is what Telegram allows.
    pub per_minute: Option<u32>,
}

impl Command for TakeAnswer {
    const NAME: &'static str = "notifier.take-answer";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Option<Duration>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Option<Duration>, Error> {
        let per_minute = self.per_minute.filter(|_| self.chat == self.configured);
        budgets::take_answer(tx, &self.chat, self.chat.limits(per_minute)).await
    }
}
