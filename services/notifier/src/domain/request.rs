//! What somebody asks the bot for in a chat, and what it answers.
//! The rule: what is no command of ours gets no answer, and no answer says whether a code exists that was not the right one.

use kernel::Timestamp;

use super::outside::outside;
use super::{DestinationState, LinkCode};

/// A message that the bot was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Telegram's number of it. They rise, and begin anew with any number after a week of silence.
    pub update: i64,
    /// The chat that it was sent in.
    pub chat: i64,
    /// The topic, where the chat is a forum.
    pub topic: Option<i64>,
    /// When it was sent, by Telegram's clock.
    pub sent_at: Timestamp,
    /// Its text; empty where it has none.
    pub text: String,
}

/// The age in minutes from which a message is not answered any more: whoever sent it does not wait for that.
const STALE_MINUTES: i64 = 15;

impl Received {
    /// What it asks the bot with the name `own` for; `None` for what is no command of ours, or was sent too long ago.
    #[must_use]
    pub fn request(&self, own: &str, now: Timestamp) -> Option<Request> {
        if (now - self.sent_at).num_minutes() >= STALE_MINUTES { None } else { Request::parse(&self.text, own) }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To link the chat; none where what was sent is no code.
    Link(Option<LinkCode>),
    /// What is linked here, and how it is.
    Status,
    /// What there is to ask for.
    Help,
}

impl Request {
    /// Reads a message; `None` for what is no command of ours. In a group a command may name a bot, `/link@name CODE`, and is only
    /// for the one of that name.
    fn parse(text: &str, own: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let command = words.next()?.strip_prefix('/')?;
        let (command, named) = command.split_once('@').unwrap_or((command, own));
        if !named.eq_ignore_ascii_case(own) {
            return None;
        }
        match command.to_ascii_lowercase().as_str() {
            "link" => Some(Self::Link(words.next().and_then(LinkCode::parse))),
            "status" => Some(Self::Status),
            "help" | "start" => Some(Self::Help),
            _ => None,
        }
    }
}

/// What is linked to a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// How people know the organisation.
    pub organisation: String,
    /// What the organisation calls the destination.
    pub name: String,
    /// What becomes of its messages.
    pub state: DestinationState,
    /// Messages that wait.
    pub pending: i64,
    /// Messages that Telegram refused.
    pub failed: i64,
}

/// The answer to a code that links nothing: wrong, used or expired.
pub const REFUSED: &str = "That code is not valid. Codes are good for 15 minutes and once; staff makes them.";

/// The answer to `/help`.
pub const HELP: &str = "This bot tells what happens in a store.\n\
    /link followed by a code of your staff: tell it in this chat\n\
    /status: what is linked here, and how it is\n\
    /help: this list";

/// The answer to `/status`, in Telegram's HTML.
#[must_use]
pub fn status(linked: &[Linked]) -> String {
    if linked.is_empty() {
        return "Nothing is linked to this chat. Staff makes a code; send it with /link.".to_owned();
    }
    let line = |linked: &Linked| {
        let state: &'static str = linked.state.into();
        let (name, organisation) = (outside(&linked.name, 100), outside(&linked.organisation, 120));
        format!("{name} of {organisation}: {state}, {} pending, {} failed", linked.pending, linked.failed)
    };
    linked.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_with_and_without_the_bots_name_and_everything_else_is_none() {
        let parse = |text| Request::parse(text, "cyber_bot");
        assert_eq!(parse("/status"), Some(Request::Status));
        assert_eq!(parse(" /Help@Cyber_Bot please"), Some(Request::Help));
        assert_eq!(parse("/start"), Some(Request::Help));
        assert_eq!(parse("/link"), Some(Request::Link(None)));
        assert_eq!(parse("/link nonsense"), Some(Request::Link(None)));
        assert!(matches!(parse("/link@cyber_bot abcd-efgh-jkmn"), Some(Request::Link(Some(_)))));
        for none in ["", "hello", "/", "/cancel", "link ABCD-EFGH-JKMN", "say /help", "/status@other_bot", "/status@"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_message_that_was_sent_long_ago_asks_for_nothing() {
        let sent_at = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        let received = Received { update: 1, chat: 1, topic: None, sent_at, text: "/help".to_owned() };
        let after = |seconds: i64| {
            received.request("cyber_bot", Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap())
        };
        assert_eq!((after(-60), after(899), after(900)), (Some(Request::Help), Some(Request::Help), None));
    }

    #[test]
    fn a_status_names_what_is_linked_without_bringing_it_to_life() {
        assert!(status(&[]).starts_with("Nothing is linked"));
        let linked = Linked {
            organisation: "Acme (acme)".to_owned(),
            name: "@all <b>".to_owned(),
            state: DestinationState::Paused,
            pending: 3,
            failed: 0,
        };
        let said = "<code>@all &lt;b&gt;</code> of Acme (acme): paused, 3 pending, 0 failed";
        assert_eq!(status(&[linked]), said);
    }
}
