//! What this service reads from its environment: once, and every bad variable is reported at once.

use std::time::Duration;

use assembly::Surroundings;
use service::config::Reader;

use crate::domain::{Deadline, HoldLimits};

/// The service's own settings.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// When an order is cancelled unless catalog has answered.
    pub deadline: Deadline,
    /// How long a confirmed order may hold stock that nobody has paid for; `None` for ever.
    pub unpaid_hold: Option<Duration>,
    /// How many open orders somebody may have.
    pub limits: HoldLimits,
    /// How often it checks for overdue orders.
    pub sweep_interval: Duration,
    /// How often a request that waits polls its order.
    pub polling: Polling,
    /// Who may follow orders.
    pub following: FollowLimits,
}

/// What holds for the streams of orders' events in this process.
#[derive(Debug, Clone, Copy)]
pub struct FollowLimits {
    /// How many there may be.
    pub most: usize,
    /// How long each may live; its client comes back then, with a credential that is looked at again.
    pub life: Duration,
    /// How often each polls its order when nobody wakes it.
    pub polling: Polling,
}

/// A stream lives for minutes and mostly says nothing, so it polls less often than a request that waits.
const FOLLOWING: Polling = Polling { first: Duration::from_millis(250), longest: Duration::from_secs(3) };

/// How often a request that waits polls its order when nobody wakes it: that finds what another replica settles.
/// Polling more often would delay the outcome itself: thirty waiters that poll every ten milliseconds keep the database
/// busy.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// The pause before the first poll; each further pause is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_millis(250) }
    }
}

/// Reads the environment. `None` when a variable was bad, which is reported.
pub fn read(env: &mut Reader) -> Option<(Surroundings, Settings)> {
    // Read everything first, unwrap last: a `?` on the way would hide the variables after it.
    let surroundings = Surroundings::read(env, crate::NAME, 7104);
    let deadline_seconds = env.within(
        "ORDER_DEADLINE_SECONDS",
        30,
        1..=3_600,
        "Seconds after which an order without an answer from catalog is cancelled",
    );
    let limit_seconds = env.within(
        "ORDER_DEADLINE_LIMIT_SECONDS",
        86_400,
        1..=604_800,
        "Seconds after placing at which an order is cancelled even if Kafka has not taken its event yet",
    );
    let sweep = env.within(
        "ORDER_SWEEP_MILLISECONDS",
        500,
        50..=60_000,
        "How often it checks for overdue orders, in milliseconds",
    );
    let unpaid_minutes = unpaid_minutes(env);
    let per_customer = env.within(
        "OPEN_ORDERS_PER_CUSTOMER",
        50,
        0..=1_000_000,
        "Open, unpaid orders that a customer may have at once; 0 = no limit",
    );
    let per_address = env.within(
        "OPEN_ORDERS_PER_ADDRESS",
        500,
        0..=1_000_000,
        "Open, unpaid orders that everybody at one address may have at once; 0 = no limit",
    );
    let streams = env.within("ORDER_STREAMS", 500, 0..=100_000, "Streams of orders' events at once");
    let stream_seconds =
        env.within("ORDER_STREAM_SECONDS", 300, 1..=3_600, "Seconds after which such a stream ends and is begun anew");
    let settings = Settings {
        unpaid_hold: unpaid_minutes?,
        limits: HoldLimits { per_customer: per_customer?, per_address: per_address? },
        deadline: Deadline { seconds: deadline_seconds?, limit_seconds: limit_seconds? },
        sweep_interval: Duration::from_millis(sweep?),
        polling: Polling::default(),
        following: FollowLimits { most: streams?, life: Duration::from_secs(stream_seconds?), polling: FOLLOWING },
    };
    Some((surroundings?, settings))
}

/// How long an order may stay unpaid. The inner `None` is for ever, the outer one a bad variable.
fn unpaid_minutes(env: &mut Reader) -> Option<Option<Duration>> {
    const NAME: &str = "UNPAID_HOLD_MINUTES";
    let minutes = env.within(
        NAME,
        0,
        0..=43_200,
        "Minutes after which a confirmed order of the shop that nobody has paid for or packed is cancelled, 5 at least; 0 = never",
    )?;
    match minutes {
        0 => Some(None),
        1..5 => env.refuse(NAME, "must be 0 or 5 to 43200"),
        minutes => Some(Some(Duration::from_secs(minutes * 60))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpaid_order_has_five_minutes_at_least_or_all_the_time() {
        for (text, expected) in [
            ("0", Some(None)),
            ("4", None),
            ("5", Some(Some(300))),
            ("43200", Some(Some(2_592_000))),
            ("43201", None),
            ("-1", None),
        ] {
            let mut env = Reader::from_pairs([("UNPAID_HOLD_MINUTES", text)]);
            let seconds = unpaid_minutes(&mut env).map(|hold| hold.map(|hold| hold.as_secs()));
            assert_eq!((seconds, env.faults().len()), (expected, usize::from(expected.is_none())), "{text}");
        }
        assert_eq!(unpaid_minutes(&mut Reader::from_pairs([])), Some(None));
    }
}
