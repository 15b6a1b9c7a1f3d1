//! How fast Telegram may be called: the generic cell rate algorithm over one stored time, so that replicas share it.
//! In any window of length `w` a pace lets at most `burst + w / interval` messages through.

use std::time::Duration;

use kernel::Timestamp;

/// One message per `interval` in the long run, `burst` at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Time that one message costs; above zero.
    pub interval: Duration,
    /// Messages that may follow each other at once; at least 1.
    pub burst: u32,
}

/// What holds for the bot or for a chat; a message needs the consent of both paces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Per second.
    pub second: Pace,
    /// Per minute, where that is less than sixty times the other.
    pub minute: Option<Pace>,
}

/// The whole bot, all chats together: Telegram allows 30 a second; 5 + 25 stays within it in any second.
pub const BOT_LIMITS: Limits = Limits { second: Pace { interval: Duration::from_millis(40), burst: 5 }, minute: None };

/// The two times that are stored of a budget: when the next message would be exactly on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    /// By the pace per second; in the past when the budget is full.
    pub second: Timestamp,
    /// By the pace per minute.
    pub minute: Timestamp,
}

/// What is stored of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What was used.
    pub arrivals: Arrivals,
    /// Nobody calls before this time (`retry_after`, or back-off after failures).
    pub blocked_until: Timestamp,
}

/// May a message leave now?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes; store these as the new arrivals.
    Send(Arrivals),
    /// No, ask again at this time.
    Wait {
        /// The first time at which the answer may be yes.
        until: Timestamp,
    },
}

impl Budget {
    /// Decides at `now`, which is the database's time so that replicas agree.
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
    /// When the next message may leave; in the past when it may leave now.
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

    /// Sends as fast as the budget lets it, asking every `step`, and returns when messages left.
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
    fn a_person_is_told_once_a_second() {
        let limits = Chat::parse("42").unwrap().limits(None);
        let sent = greedy(limits, Duration::from_millis(10), Duration::from_secs(60));
        assert_eq!(sent[..3], [start(); 3], "a burst after a rest");
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
