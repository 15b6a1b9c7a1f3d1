//! What this service reads from its environment: once, and every bad variable is reported at once.

use std::time::Duration;

use assembly::Surroundings;
use service::config::Reader;

/// The configuration of the order service.
#[derive(Debug)]
pub struct Config {
    /// Where it runs.
    pub surroundings: Surroundings,
    /// What it decides by.
    pub settings: Settings,
}

/// What this service can be told besides where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Seconds until an order is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
    /// The time between two looks for overdue orders.
    pub sweep_interval: Duration,
    /// How often a waiting request looks by itself whether its order is settled.
    pub looks: Looks,
}

/// When a request that waits for an order looks at it although nobody wakes it: that finds what another replica settles.
/// Looking sooner would delay what is waited for: thirty waiters that look every ten milliseconds keep the database busy.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// The time before the first look; each further one comes after twice as long.
    pub first: Duration,
    /// The longest time between two looks.
    pub longest: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Self { first: Duration::from_millis(50), longest: Duration::from_millis(250) }
    }
}

/// Reads the environment. `None` when a variable was bad, which is reported.
pub fn read(env: &mut Reader) -> Option<Config> {
    // Read everything first, unwrap last: a `?` on the way would hide the variables after it.
    let surroundings = Surroundings::read(env, crate::NAME, 7104);
    let deadline_seconds = env.within(
        "ORDER_DEADLINE_SECONDS",
        30,
        1..=3_600,
        "Seconds after which an order without an answer from catalog is cancelled",
    );
    let sweep = env.within(
        "ORDER_SWEEP_MILLISECONDS",
        500,
        50..=60_000,
        "Milliseconds between two looks for orders past their deadline",
    );
    let settings = Settings {
        deadline_seconds: deadline_seconds?,
        sweep_interval: Duration::from_millis(sweep?),
        looks: Looks::default(),
    };
    Some(Config { surroundings: surroundings?, settings })
}
