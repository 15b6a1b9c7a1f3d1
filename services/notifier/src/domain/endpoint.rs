//! Where the messages of a target go, and how they are carried there.
//! The rules: one message at a time is on its way in a lane, whichever replica sends it; and what one carrier refuses keeps the
//! others from nothing.

use std::time::Duration;

use kernel::{DestinationId, Email};

use super::{Address, BOT, BOT_LIMITS, Chat, DestinationKind, Limits, Pace, SMTP, Webhook};

/// Where the messages of a target go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A chat on Telegram.
    Chat(Address),
    /// A mailbox.
    Email {
        /// The destination.
        destination: DestinationId,
        /// Its address.
        to: Email,
    },
    /// A server that takes signed requests.
    Webhook {
        /// The destination.
        destination: DestinationId,
        /// What it is sent to, and signed with.
        webhook: Webhook,
    },
}

/// What has one sender at a time and a budget of its own: a chat, or a destination that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane(String);

impl Lane {
    /// That of a chat, which all its destinations share.
    #[must_use]
    pub fn of_chat(chat: &Chat) -> Self {
        Self(chat.to_string())
    }

    /// The chat, where it is one's.
    #[must_use]
    pub fn chat(&self) -> Option<Chat> {
        Chat::parse(&self.0).ok()
    }

    /// The subject among the budgets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What carries the messages of many lanes, with a budget for all of them. A webhook has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The bot.
    Bot,
    /// The SMTP server of the configuration.
    Smtp,
}

/// The SMTP server: ten messages a second.
const SMTP_LIMITS: Limits = Limits { second: Pace { interval: Duration::from_millis(100), burst: 10 }, minute: None };
/// A mailbox: six at once, then one in half a minute. Everything that comes meanwhile is one message.
const EMAIL_LIMITS: Limits = Limits { second: Pace { interval: Duration::from_secs(30), burst: 6 }, minute: None };
/// A webhook: ten requests a second.
const WEBHOOK_LIMITS: Limits =
    Limits { second: Pace { interval: Duration::from_millis(100), burst: 10 }, minute: None };
/// The most facts in one request to a webhook, which has the data of all of them.
const FACTS_IN_REQUEST: i64 = 100;

impl Carrier {
    /// The subject among the budgets.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        match self {
            Self::Bot => BOT,
            Self::Smtp => SMTP,
        }
    }

    /// How much it carries.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Bot => BOT_LIMITS,
            Self::Smtp => SMTP_LIMITS,
        }
    }
}

impl Endpoint {
    /// The kind of its destination.
    #[must_use]
    pub const fn kind(&self) -> DestinationKind {
        match self {
            Self::Chat(_) => DestinationKind::Telegram,
            Self::Email { .. } => DestinationKind::Email,
            Self::Webhook { .. } => DestinationKind::Webhook,
        }
    }

    /// The lane that its messages go through.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Chat(address) => Lane::of_chat(&address.chat),
            Self::Email { destination, .. } | Self::Webhook { destination, .. } => Lane(destination.to_string()),
        }
    }

    /// What carries its messages besides.
    #[must_use]
    pub const fn carrier(&self) -> Option<Carrier> {
        match self {
            Self::Chat(_) => Some(Carrier::Bot),
            Self::Email { .. } => Some(Carrier::Smtp),
            Self::Webhook { .. } => None,
        }
    }

    /// How often it may get a message. `per_minute` is for chats alone.
    #[must_use]
    pub fn limits(&self, per_minute: Option<u32>) -> Limits {
        match self {
            Self::Chat(address) => address.chat.limits(per_minute),
            Self::Email { .. } => EMAIL_LIMITS,
            Self::Webhook { .. } => WEBHOOK_LIMITS,
        }
    }

    /// The longest pause between two attempts: a server of somebody else's that is away is not asked every minute.
    #[must_use]
    pub const fn longest_pause(&self) -> Duration {
        match self {
            Self::Chat(_) => Duration::from_secs(60),
            Self::Email { .. } | Self::Webhook { .. } => Duration::from_secs(600),
        }
    }

    /// How many of so many deliveries one message tells at most.
    #[must_use]
    pub fn at_once(&self, limit: i64) -> i64 {
        match self {
            Self::Chat(_) | Self::Email { .. } => limit,
            Self::Webhook { .. } => limit.min(FACTS_IN_REQUEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_in_one_chat_share_a_lane_and_others_have_their_own() {
        let chat = |topic| Endpoint::Chat(Address { chat: Chat::numbered(-42), topic });
        assert_eq!(chat(None).lane(), chat(Some(3)).lane());
        assert_eq!(chat(None).lane().chat(), Some(Chat::numbered(-42)));
        let to = Email::parse("a@b.example").unwrap();
        let mailbox = || Endpoint::Email { destination: DestinationId::new(), to: to.clone() };
        let lane = mailbox().lane();
        assert_ne!(lane, mailbox().lane());
        assert_eq!(lane.chat(), None);
        assert!(lane.as_str().len() <= 64, "the budgets have room for it");
    }
}
