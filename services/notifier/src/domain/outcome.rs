//! The outcomes of a call to Telegram, and how long to wait after a failed one.
//! The rule: an outcome says what becomes of the deliveries, not which error it was.

use std::time::Duration;

/// The outcome of one call. Each variant is handled differently.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// Telegram took the message.
    Sent {
        /// Telegram's id of the message within the chat.
        message: i64,
    },
    /// 429: nothing was sent, and no replica may call for this long.
    Limited {
        /// The wait that Telegram asked for.
        retry_after: Duration,
    },
    /// The group became a supergroup with another id; messages go there from now on.
    Moved {
        /// The new id of the chat.
        to: i64,
    },
    /// Telegram does not know the bot: its token is wrong (401, 404). Every message waits until it is right.
    Unauthorised {
        /// Telegram's code and description.
        cause: String,
    },
    /// The bot may not write to the chat (403, or a 400 that says so): it was blocked or removed. What is for the chat waits.
    Unreachable {
        /// Telegram's code and description.
        cause: String,
    },
    /// The topic of the chat is closed or gone. What is for the topic waits; the chat itself can be reached.
    NoTopic {
        /// Telegram's code and description.
        cause: String,
    },
    /// The message that was to be edited is gone. What it was to tell is sent as another one.
    Gone {
        /// Telegram's code and description.
        cause: String,
    },
    /// Telegram will never take this message as it is (400 and the like).
    Refused {
        /// Telegram's code and description.
        cause: String,
    },
    /// It is unknown whether the message was sent (network, time-out, 5xx); it is sent again.
    Unavailable {
        /// What happened.
        cause: String,
    },
}

impl Outcome {
    /// Its name in metrics, logs and spans: `sent`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// The pause after this many failures in a row: it doubles from half a second up to a minute. `jitter` (0 to 1) shortens
/// it by up to a half, so that bots which failed together do not come back together.
#[must_use]
pub fn back_off(failures: u32, jitter: f64) -> Duration {
    let longest = Duration::from_millis(500) * 2_u32.pow(failures.saturating_sub(1).min(7));
    longest.min(Duration::from_secs(60)).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_a_minute_and_jitter_only_shortens_it() {
        assert_eq!(back_off(1, 0.0), Duration::from_millis(500));
        assert_eq!(back_off(3, 0.0), Duration::from_secs(2));
        assert_eq!(back_off(8, 0.0), Duration::from_secs(60));
        assert_eq!(back_off(u32::MAX, 0.0), Duration::from_secs(60));
        assert_eq!(back_off(3, 1.0), Duration::from_secs(1));
        assert_eq!(back_off(0, 0.0), Duration::from_millis(500));
    }
}
