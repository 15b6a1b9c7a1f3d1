//! What this service reads from its environment: once, and every bad variable is reported at once.

use std::time::Duration;

use service::{config::Reader, settings};

/// The configuration of the order service.
#[derive(Debug)]
pub struct Config {
    /// Where its schema is.
    pub database: settings::Database,
    /// Where the topics are.
    pub kafka: settings::Kafka,
    /// Where it listens.
    pub http: settings::Http,
    /// Whose tokens it takes.
    pub tokens: settings::Tokens,
    /// Seconds until an order is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
    /// How often overdue orders are looked for.
    pub sweep_interval: Duration,
}

/// Reads the environment. None: something was bad and is reported.
pub fn read(env: &mut Reader) -> Option<Config> {
    // Read everything first, unwrap last: a `?` on the way would hide the variables after it.
    let database = settings::database(env, crate::NAME);
    let kafka = settings::kafka(env);
    let http = settings::http(env, 7104);
    let tokens = settings::tokens(env);
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
    Some(Config {
        database: database?,
        kafka: kafka?,
        http: http?,
        tokens: tokens?,
        deadline_seconds: deadline_seconds?,
        sweep_interval: Duration::from_millis(sweep?),
    })
}
