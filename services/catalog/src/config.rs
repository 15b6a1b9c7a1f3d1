//! What the environment decides. Read once, at start, and every bad variable is reported at once.

use std::time::Duration;

use cache::Redis;
use service::config::Reader;
use service::settings;

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Config {
    /// The schema's two roles.
    pub database: settings::Database,
    /// The broker and the namespace of the topics.
    pub kafka: settings::Kafka,
    /// Where to listen.
    pub http: settings::Http,
    /// Whose tokens are accepted.
    pub tokens: settings::Tokens,
    /// Redis, for cached reads.
    pub redis: Redis,
    /// How long cached reads live when no event ends them.
    pub cache_lifetime: Duration,
    /// How long a reservation outlives its order's deadline.
    pub reservation_margin: Duration,
    /// How often the sweep looks for reservations past their time.
    pub sweep_interval: Duration,
}

/// Reads everything; `None` when something was reported as bad.
pub fn read(environment: &mut Reader) -> Option<Config> {
    // Everything is read before the first `?`, which would hide the variables after it.
    let database = settings::database(environment, "catalog");
    let kafka = settings::kafka(environment);
    let http = settings::http(environment, 7103);
    let tokens = settings::tokens(environment);
    let redis = environment.secret_parsed("REDIS_URL", "Redis for cached reads", |url| {
        Redis::open(url).map_err(|error| error.to_string())
    });
    let cache_lifetime = environment.within(
        "CACHE_SECONDS",
        300_u64,
        1..=86_400,
        "Seconds that a cached product lives when no event ends it",
    );
    let reservation_margin = environment.within(
        "RESERVATION_MARGIN_SECONDS",
        60_u64,
        1..=86_400,
        "Seconds that a reservation outlives its order's deadline",
    );
    let sweep_interval = environment.within(
        "SWEEP_INTERVAL_MILLISECONDS",
        1_000_u64,
        50..=60_000,
        "Milliseconds between two looks for reservations past their time",
    );
    Some(Config {
        database: database?,
        kafka: kafka?,
        http: http?,
        tokens: tokens?,
        redis: redis?,
        cache_lifetime: Duration::from_secs(cache_lifetime?),
        reservation_margin: Duration::from_secs(reservation_margin?),
        sweep_interval: Duration::from_millis(sweep_interval?),
    })
}
