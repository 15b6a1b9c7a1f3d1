//! What became of an attempt to send a message, and how long to wait after a failed one.
//! The rule: an outcome says what becomes of the deliveries, not which error it was.

use std::time::Duration;

/// What became of one attempt. Each variant is handled differently.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// The receiver took the message.
    Sent {
        /// Telegram's id of the message within the chat; none elsewhere.
        message: Option<i64>,
    },
    /// 429: nothing was sent, and no replica may call for this long.
    Limited {
        /// The wait that the receiver asked for.
        retry_after: Duration,
    },
    /// The group became a supergroup with another id; messages go there from now on.
    Moved {
        /// The new id of the chat.
        to: i64,
    },
    /// Telegram does not know the bot (401, 404), or the SMTP server the name and password. Every message of that carrier waits until
    /// they are right.
    Unauthorised {
        /// The code and its description.
        cause: String,
    },
    /// The bot may not write to the chat (403, or a 400 that says so), or the mailbox takes nothing. What is for it waits.
    Unreachable {
        /// The code and its description.
        cause: String,
    },
    /// The receiver is gone for good (410 of a webhook): its destination ends.
    Ended {
        /// The code and its description.
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
    /// The receiver will never take this message as it is (400 and the like).
    Refused {
        /// The code and its description.
        cause: String,
    },
    /// The message was not taken, which passes by itself; it is sent again.
    Unavailable {
        /// What happened.
        cause: String,
    },
    /// It is unknown whether the message was taken (a broken connection, a time-out, an answer of something in between); it is sent
    /// again, and may come twice.
    Unknown {
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

/// The pause after this many failures in a row: it doubles from half a second up to the `longest`, of 17 minutes at most. `jitter` (0
/// to 1) shortens it by up to a half, so that senders which failed together do not come back together.
#[must_use]
pub fn back_off(failures: u32, jitter: f64, longest: Duration) -> Duration {
    let doubled = Duration::from_millis(500) * 2_u32.pow(failures.saturating_sub(1).min(11));
    doubled.min(longest).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_the_longest_and_jitter_only_shortens_it() {
        let back_off = |failures, jitter| back_off(failures, jitter, Duration::from_secs(60));
        assert_eq!(back_off(1, 0.0), Duration::from_millis(500));
        assert_eq!(back_off(3, 0.0), Duration::from_secs(2));
        assert_eq!(back_off(8, 0.0), Duration::from_secs(60));
        assert_eq!(back_off(u32::MAX, 0.0), Duration::from_secs(60));
        assert_eq!(back_off(3, 1.0), Duration::from_secs(1));
        assert_eq!(back_off(0, 0.0), Duration::from_millis(500));
        assert_eq!(super::back_off(u32::MAX, 0.0, Duration::from_secs(600)), Duration::from_secs(600));
    }
}
