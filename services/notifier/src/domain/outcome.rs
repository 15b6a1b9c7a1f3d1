//! What a call to Telegram came to, and how long to wait after a failure.

use std::time::Duration;

/// The result of one call, in the only distinctions that the sender acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Telegram has the message.
    Sent {
        /// Telegram's id of the message within the chat.
        message: i64,
    },
    /// 429: nothing was sent, and nobody may call for this long.
    Limited {
        /// What Telegram asked for.
        retry_after: Duration,
    },
    /// The group became a supergroup with another id: send there.
    Moved {
        /// The new id.
        to: i64,
    },
    /// Telegram will never take this message as it is (400, 401, 403 and the like).
    Refused {
        /// Telegram's words.
        cause: String,
    },
    /// Nobody knows whether it was sent (network, time-out, 5xx): it is sent again.
    Unavailable {
        /// What happened.
        cause: String,
    },
}

impl Outcome {
    /// The word for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Limited { .. } => "limited",
            Self::Moved { .. } => "moved",
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
        }
    }
}

/// Doubles from half a second to a minute; `jitter` (0 to 1) takes away up to half, so that bots do not return at once.
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
