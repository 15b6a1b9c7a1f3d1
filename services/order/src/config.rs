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
    /// How many open orders somebody may have.
    pub limits: HoldLimits,
    /// How often it checks for overdue orders.
    pub sweep_interval: Duration,
    /// How often a request that waits polls its order.
    pub polling: Polling,
}

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
    let settings = Settings {
        limits: HoldLimits { per_customer: per_customer?, per_address: per_address? },
        deadline: Deadline { seconds: deadline_seconds?, limit_seconds: limit_seconds? },
        sweep_interval: Duration::from_millis(sweep?),
        polling: Polling::default(),
    };
    Some((surroundings?, settings))
}
