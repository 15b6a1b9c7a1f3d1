//! The chat that messages go to. Groups and channels are slower than private chats, and the id tells which is which.

use std::fmt;
use std::time::Duration;

use super::{Limits, Pace};

/// A chat as it is configured: a number (`123456789`, groups negative) or `@channelname`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chat(String);

/// Private chats may be told more often than groups and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatKind {
    /// One person: about one message a second.
    Private,
    /// A group, supergroup or channel: twenty messages a minute.
    Group,
}

/// The text is not a chat.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a chat is a number other than zero (`123456789`, groups negative) or `@name`")]
pub struct MalformedChat;

impl Chat {
    /// Reads a chat; at most 64 characters.
    ///
    /// # Errors
    /// [`MalformedChat`] when it is neither a number nor `@` and a name.
    pub fn parse(text: &str) -> Result<Self, MalformedChat> {
        let text = text.trim();
        let named = text.strip_prefix('@').is_some_and(|name| {
            (1..=63).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let numbered = text.parse::<i64>().is_ok_and(|number| number != 0);
        if named || numbered { Ok(Self(text.to_owned())) } else { Err(MalformedChat) }
    }

    /// The text as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, when it is one.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Which of Telegram's limits holds.
    #[must_use]
    pub fn kind(&self) -> ChatKind {
        match self.number() {
            Some(number) if number > 0 => ChatKind::Private,
            _ => ChatKind::Group,
        }
    }

    /// How often this chat may be told something: `per_minute` where it is configured, otherwise what Telegram allows.
    #[must_use]
    pub fn limits(&self, per_minute: Option<u32>) -> Limits {
        let per_minute = per_minute.unwrap_or(match self.kind() {
            ChatKind::Private => MOST_PER_MINUTE,
            ChatKind::Group => 20,
        });
        Limits {
            // A margin over a second, because Telegram's clock is not ours.
            second: Pace { interval: Duration::from_millis(1_050), burst: 3 },
            minute: (per_minute < MOST_PER_MINUTE).then(|| minute_pace(per_minute.max(1))),
        }
    }
}

/// What the pace per second comes to.
pub const MOST_PER_MINUTE: u32 = 60;

/// Most of a minute's messages may come together, the rest is spread: no minute sees more than `per_minute`.
fn minute_pace(per_minute: u32) -> Pace {
    let burst = (per_minute * 3 / 5).max(1);
    let spread = per_minute - burst;
    let interval = if spread == 0 { Duration::from_secs(60) } else { Duration::from_secs(60) / spread };
    Pace { interval, burst }
}

impl fmt::Display for Chat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_chats_and_nothing_else_is() {
        for good in ["42", "-1001234567890", "@operations", " 42 "] {
            assert!(Chat::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "0", "@", "operations", "12a", "@a b", "99999999999999999999"] {
            assert_eq!(Chat::parse(bad), Err(MalformedChat), "{bad}");
        }
    }

    #[test]
    fn groups_and_channels_are_told_more_slowly_than_people() {
        assert_eq!(Chat::parse("42").unwrap().kind(), ChatKind::Private);
        assert_eq!(Chat::parse("-42").unwrap().kind(), ChatKind::Group);
        assert_eq!(Chat::parse("@shop").unwrap().kind(), ChatKind::Group);
        for per_minute in 2..60 {
            let pace = Chat::parse("42").unwrap().limits(Some(per_minute)).minute.unwrap();
            assert!(f64::from(pace.burst) + 60.0 / pace.interval.as_secs_f64() <= f64::from(per_minute) + 1e-6);
        }
        assert_eq!(Chat::parse("-42").unwrap().limits(Some(60)), Chat::parse("42").unwrap().limits(None));
    }
}
