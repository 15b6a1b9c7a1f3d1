//! How fast Telegram may be called: the generic cell rate algorithm. Its state is one stored time per pace, which all
//! replicas share.
//! The rule: in any window of length `w` a pace lets at most `burst + w / interval` messages through.

use std::time::Duration;

use kernel::Timestamp;

/// One message per `interval` in the long run, and up to `burst` at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The time that one message costs; more than zero.
    pub interval: Duration,
    /// The number of messages that may follow each other without a pause; at least 1.
    pub burst: u32,
}

/// The limits of the bot or of a chat. A message must keep both paces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The pace per second.
    pub second: Pace,
    /// The pace per minute, where the minute allows less than sixty seconds do.
    pub minute: Option<Pace>,
}

/// The limits of the bot, for all chats together. Telegram allows 30 messages a second; this is 5 + 25 in any second.
pub const BOT_LIMITS: Limits = Limits { second: Pace { interval: Duration::from_millis(40), burst: 5 }, minute: None };

/// The two stored times of a budget: when the next message would be exactly on time by each pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    /// By the pace per second; in the past while the budget is full.
    pub second: Timestamp,
    /// By the pace per minute.
    pub minute: Timestamp,
}

/// The stored state of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What the messages so far have used.
    pub arrivals: Arrivals,
    /// No replica calls before this time (`retry_after`, or the back-off after failures).
    pub blocked_until: Timestamp,
}

/// Whether a message may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may; these are the arrivals to store.
    Send(Arrivals),
    /// It may not yet.
    Wait {
        /// The earliest time at which it may.
        until: Timestamp,
    },
}

impl Budget {
    /// Decides for the time `now`, which is the database's, so that replicas agree.
    #[must_use]
    pub fn decide(&self, now: Timestamp, limits: Limits) -> Decision {
        let second = limits.second.earliest(self.arrivals.second, now);
        let minute = limits.minute.map_or(now, |pace| pace.earliest(self.arrivals.minute, now));
        let until = self.blocked_until.max(second).max(minute);
        if until > now {
            return Decision::Wait { until };
        }
        let after = |arrival: Timestamp, pace: Pace| arrival.max(now) + pace.interval;
        Decision::Send(Arrivals {
            second: after(self.arrivals.second, limits.second),
            minute: limits.minute.map_or(self.arrivals.minute, |pace| after(self.arrivals.minute, pace)),
        })
    }
}

impl Pace {
    /// When the next message may be sent; in the past when it may be sent now.
    fn earliest(self, arrival: Timestamp, now: Timestamp) -> Timestamp {
        arrival.max(now) - self.interval * self.burst.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::*;
    use crate::domain::Chat;

    fn start() -> Timestamp {
        Utc.with_ymd_and_hms(2026, 11, 23, 8, 0, 0).unwrap()
    }

    fn full() -> Budget {
        let long_ago = start() - TimeDelta::days(1);
        Budget { arrivals: Arrivals { second: long_ago, minute: long_ago }, blocked_until: long_ago }
    }

    /// Sends as fast as the budget allows, asking every `step`, and returns the times at which messages were sent.
    fn greedy(limits: Limits, step: Duration, total: Duration) -> Vec<Timestamp> {
        let mut budget = full();
        let mut sent = Vec::new();
        let mut now = start();
        while now < start() + total {
            match budget.decide(now, limits) {
                Decision::Send(arrivals) => {
                    budget.arrivals = arrivals;
                    sent.push(now);
                }
                Decision::Wait { until } => {
                    assert!(until > now);
                    now += step;
                }
            }
        }
        sent
    }

    fn most_within(sent: &[Timestamp], window: Duration) -> usize {
        sent.iter().map(|from| sent.iter().filter(|at| *at >= from && **at < *from + window).count()).max().unwrap_or(0)
    }

    #[test]
    fn no_second_sees_more_than_thirty_messages_of_the_bot() {
        let sent = greedy(BOT_LIMITS, Duration::from_millis(1), Duration::from_secs(5));
        assert!(most_within(&sent, Duration::from_secs(1)) <= 30);
        assert!(sent.len() >= 125, "the budget is used: {}", sent.len());
    }

    #[test]
    fn no_minute_sees_more_than_twenty_messages_in_a_group() {
        let limits = Chat::parse("-100123").unwrap().limits(None);
        let sent = greedy(limits, Duration::from_millis(50), Duration::from_secs(300));
        assert!(most_within(&sent, Duration::from_secs(60)) <= 20);
        assert!(sent.len() >= 12 + 38, "the budget is used: {}", sent.len());
    }

    #[test]
    fn a_person_gets_one_message_a_second() {
        let limits = Chat::parse("42").unwrap().limits(None);
        let sent = greedy(limits, Duration::from_millis(10), Duration::from_secs(60));
        assert_eq!(sent[..3], [start(); 3], "a burst after a pause");
        assert!(sent[3] >= start() + Duration::from_secs(1));
        assert!(most_within(&sent[3..], Duration::from_secs(1)) <= 1);
        assert!(sent.len() >= 58, "the budget is used: {}", sent.len());
    }

    #[test]
    fn nobody_calls_while_telegram_asks_to_wait() {
        let until = start() + TimeDelta::seconds(7);
        let budget = Budget { blocked_until: until, ..full() };
        assert_eq!(budget.decide(start(), BOT_LIMITS), Decision::Wait { until });
        assert!(matches!(budget.decide(until, BOT_LIMITS), Decision::Send(_)));
    }
}
