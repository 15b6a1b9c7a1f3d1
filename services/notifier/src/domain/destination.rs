//! Where an organisation hears what happens: a chat that its staff has linked, a mailbox or a webhook.
//! The rules: a chat hears nothing before it was linked by its code, and what it missed while it was paused or could not be
//! reached it is told afterwards.

use chrono::TimeDelta;
use kernel::{DestinationId, Email, Expected, Malformed, TimeZone, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Chat, ClockTime, FollowUp, Language, Manner, Rules, Template, WebhookUrl};
use crate::error::Error;

/// How long a code is good.
const CODE_LIFE: TimeDelta = TimeDelta::minutes(15);
/// The most destinations of an organisation.
pub const MOST_DESTINATIONS: i64 = 50;

/// What people call a destination: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct DestinationName(String);

impl DestinationName {
    /// The longest name, in characters.
    pub const LIMIT: usize = 100;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.chars().count() > Self::LIMIT {
            return Err(Malformed::new("name", format!("must have 1 to {} characters", Self::LIMIT)));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("name", "must not have control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(DestinationName, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// How messages get there.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumString, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DestinationKind {
    /// A chat on Telegram.
    Telegram,
    /// An e-mail address.
    Email,
    /// A URL that signed requests are sent to.
    Webhook,
}

/// What becomes of its messages.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumString, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DestinationState {
    /// No chat is linked yet.
    Waiting,
    /// They are sent.
    Active,
    /// They wait until staff resumes it.
    Paused,
    /// They do not get there; it is tried again.
    Unreachable,
    /// The receiver is gone for good. Nothing is told until staff resumes it, and what happens meanwhile never.
    Ended,
}

/// A destination as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Destination {
    /// The id, by which it is read and changed.
    pub id: DestinationId,
    /// How messages get there.
    pub kind: DestinationKind,
    /// What people call it.
    pub name: DestinationName,
    /// The language of its messages.
    pub language: Language,
    /// How it is told.
    #[serde(flatten)]
    pub manner: Manner,
    /// What becomes of its messages.
    pub state: DestinationState,
    /// What the receiver said, where it is unreachable or has ended.
    pub reason: Option<String>,
    /// Until when it is silent, where somebody asked for that.
    pub muted_until: Option<Timestamp>,
    /// Telegram's id of the chat, once one is linked.
    pub chat: Option<i64>,
    /// Telegram's id of the topic, where the chat is a forum.
    pub topic: Option<i64>,
    /// The address of a mailbox.
    pub email: Option<Email>,
    /// Where the requests of a webhook go.
    pub url: Option<WebhookUrl>,
    /// What it is told.
    pub rules: Rules,
    /// Until when its code is good, while no chat is linked.
    pub code_expires_at: Option<Timestamp>,
    /// Counts its changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// Who receives what a destination is told.
#[derive(Debug, Clone)]
pub enum Recipient {
    /// A chat, which its code will link.
    Chat,
    /// A mailbox.
    Email(Email),
    /// A webhook.
    Webhook(WebhookUrl),
}

/// What staff says of a destination when it creates one.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Who receives it.
    pub recipient: Recipient,
    /// What people call it.
    pub name: DestinationName,
    /// The language of its messages.
    pub language: Language,
    /// How it is told.
    pub manner: Manner,
    /// What it is told.
    pub rules: Rules,
}

/// What is to be different about a destination; what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct DestinationChange {
    /// Another name.
    pub name: Option<DestinationName>,
    /// Another language.
    pub language: Option<Language>,
    /// Another time zone.
    pub time_zone: Option<TimeZone>,
    /// Another way to tell what becomes of an order.
    pub follow_up: Option<FollowUp>,
    /// Another time to tell what happened the day before; none within: never.
    pub heartbeat_at: Option<Option<ClockTime>>,
    /// Other templates, all of them.
    pub templates: Option<Vec<Template>>,
    /// Other rules, all of them.
    pub rules: Option<Rules>,
    /// Whether its messages wait.
    pub paused: Option<bool>,
    /// For how long it is silent from now on; none within: no longer.
    pub mute: Option<Option<TimeDelta>>,
}

impl Destination {
    /// A new one. A chat waits for its code.
    #[must_use]
    pub fn create(id: DestinationId, wishes: Wishes, now: Timestamp) -> Self {
        let Wishes { recipient, name, language, manner, rules } = wishes;
        let (kind, email, url) = match recipient {
            Recipient::Chat => (DestinationKind::Telegram, None, None),
            Recipient::Email(email) => (DestinationKind::Email, Some(email), None),
            Recipient::Webhook(url) => (DestinationKind::Webhook, None, Some(url)),
        };
        let waits = kind == DestinationKind::Telegram;
        Self {
            id,
            kind,
            name,
            language,
            manner,
            state: if waits { DestinationState::Waiting } else { DestinationState::Active },
            reason: None,
            muted_until: None,
            chat: None,
            topic: None,
            email,
            url,
            rules,
            code_expires_at: waits.then(|| now + CODE_LIFE),
            version: 1,
            created_at: now,
            changed_at: now,
        }
    }

    /// Changes it, and says whether anything is different now.
    ///
    /// # Errors
    /// `StaleDestination` when it has another version, `NotLinked` when it has no chat and is to be paused, resumed or silent.
    pub fn change(&mut self, expected: &Expected, change: DestinationChange, now: Timestamp) -> Result<bool, Error> {
        if !expected.includes(self.version) {
            return Err(Error::StaleDestination { destination: self.id, current: self.version });
        }
        let before = self.clone();
        if let Some(paused) = change.paused {
            self.state = match (self.state, paused) {
                (DestinationState::Waiting, _) => return Err(Error::NotLinked { destination: self.id }),
                (_, true) => DestinationState::Paused,
                (DestinationState::Paused | DestinationState::Ended, false) => DestinationState::Active,
                (state, false) => state,
            };
            if self.state != DestinationState::Unreachable {
                self.reason = None;
            }
        }
        if let Some(mute) = change.mute {
            if self.state == DestinationState::Waiting {
                return Err(Error::NotLinked { destination: self.id });
            }
            self.muted_until = mute.map(|mute| now + mute);
        }
        self.name = change.name.unwrap_or_else(|| self.name.clone());
        self.language = change.language.unwrap_or(self.language);
        self.manner.templates = change.templates.unwrap_or_else(|| self.manner.templates.clone());
        self.manner.heartbeat_at = change.heartbeat_at.unwrap_or_else(|| self.manner.heartbeat_at.clone());
        self.manner.follow_up = change.follow_up.unwrap_or(self.manner.follow_up);
        self.manner.time_zone = change.time_zone.unwrap_or_else(|| self.manner.time_zone.clone());
        self.rules = change.rules.unwrap_or_else(|| self.rules.clone());
        let changed = *self != before;
        if changed {
            self.version += 1;
            self.changed_at = now;
        }
        Ok(changed)
    }
}

/// A chat, and the topic in it where it is a forum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The chat.
    pub chat: Chat,
    /// The topic.
    pub topic: Option<i64>,
}

#[cfg(test)]
mod tests {
    use kernel::Clock;

    use super::*;

    fn waiting() -> Destination {
        let name = DestinationName::parse(" Operations ").unwrap();
        let (recipient, language, manner, rules) = (Recipient::Chat, Language::En, Manner::default(), Rules::default());
        let wishes = Wishes { recipient, name, language, manner, rules };
        Destination::create(DestinationId::new(), wishes, Clock::now())
    }

    #[test]
    fn a_change_raises_the_version_and_no_change_does_not() {
        let mut destination = waiting();
        let name = Some(DestinationName::parse("Other").unwrap());
        let change = DestinationChange { name, ..DestinationChange::default() };
        assert!(destination.change(&Expected::from(1), change.clone(), Clock::now()).unwrap());
        assert_eq!((destination.version, destination.name.as_str()), (2, "Other"));
        assert!(!destination.change(&Expected::Any, change.clone(), Clock::now()).unwrap());
        let stale = destination.change(&Expected::from(1), change, Clock::now());
        assert!(matches!(stale, Err(Error::StaleDestination { current: 2, .. })));
    }

    #[test]
    fn only_what_is_linked_is_paused_and_resumed() {
        let paused = |paused| DestinationChange { paused: Some(paused), ..DestinationChange::default() };
        let mute = DestinationChange { mute: Some(None), ..DestinationChange::default() };
        assert!(matches!(waiting().change(&Expected::Any, mute, Clock::now()), Err(Error::NotLinked { .. })));
        let refused = waiting().change(&Expected::Any, paused(true), Clock::now());
        assert!(matches!(refused, Err(Error::NotLinked { .. })));
        let mut destination = Destination {
            state: DestinationState::Unreachable,
            reason: Some("403".to_owned()),
            chat: Some(-1),
            ..waiting()
        };
        assert!(!destination.change(&Expected::Any, paused(false), Clock::now()).unwrap());
        assert!(destination.change(&Expected::Any, paused(true), Clock::now()).unwrap());
        assert_eq!((destination.state, &destination.reason), (DestinationState::Paused, &None));
        assert!(destination.change(&Expected::Any, paused(false), Clock::now()).unwrap());
        assert_eq!(destination.state, DestinationState::Active);
    }
}
