//! The chat that messages go to.
//! The rule: groups and channels get fewer messages than private chats, and the id says which kind a chat is.

use std::fmt;
use std::time::Duration;

use kernel::Malformed;

use super::{Limits, Pace};

/// A chat as it is configured or linked: a number (`123456789`, negative for groups) or `@channelname`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chat(String);

/// What kind of chat it is; each has its own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatKind {
    /// One person: about one message a second.
    Private,
    /// A group, supergroup or channel: twenty messages a minute.
    Group,
}

impl Chat {
    /// Reads a chat; at most 64 characters.
    ///
    /// # Errors
    /// [`Malformed`] when it is neither a number other than zero nor `@` and a name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        let named = text.strip_prefix('@').is_some_and(|name| {
            (1..=63).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let numbered = text.parse::<i64>().is_ok_and(|number| number != 0);
        if named || numbered {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new(
                "chat",
                "must be a number other than zero (`123456789`, negative for groups) or `@name`",
            ))
        }
    }

    /// The chat with this id, as Telegram gives it. It is not zero.
    #[must_use]
    pub fn numbered(id: i64) -> Self {
        Self(id.to_string())
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

    /// The kind, which decides the limits.
    #[must_use]
    pub fn kind(&self) -> ChatKind {
        match self.number() {
            Some(number) if number > 0 => ChatKind::Private,
            _ => ChatKind::Group,
        }
    }

    /// How often this chat may get a message: `per_minute` where it is configured, otherwise what Telegram allows.
    #[must_use]
    pub fn limits(&self, per_minute: Option<u32>) -> Limits {
        let per_minute = per_minute.unwrap_or(match self.kind() {
            ChatKind::Private => MAX_PER_MINUTE,
            ChatKind::Group => 20,
        });
        Limits {
            // A little more than a second, because Telegram's clock is not ours.
            second: Pace { interval: Duration::from_millis(1_050), burst: 3 },
            minute: (per_minute < MAX_PER_MINUTE).then(|| minute_pace(per_minute.max(1))),
        }
    }
}

/// The pace per second allows no more messages than this in a minute.
pub const MAX_PER_MINUTE: u32 = 60;

/// Three fifths of a minute's messages may be sent at once, the others are spread over the minute. No minute sees more
/// than `per_minute` messages.
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
            assert!(Chat::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_and_channels_get_fewer_messages_than_people() {
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
