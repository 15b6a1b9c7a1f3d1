//! What the environment decides. Read once, at start, and every bad variable is reported at once.

use std::time::Duration;

use assembly::Surroundings;
use cache::Redis;
use service::config::Reader;

use crate::domain::locale::{DefaultLocale, Locale};

/// What the catalog itself needs, whatever surroundings it runs in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Redis, for cached reads.
    pub redis: Redis,
    /// How long cached reads live when no event ends them.
    pub cache_lifetime: Duration,
    /// How long a reservation outlives its order's deadline.
    pub reservation_margin: Duration,
    /// The pause between two looks for reservations past their time, and the longest one between two looks for prices that begin
    /// or end.
    pub sweep_interval: Duration,
    /// The language that products' own titles and descriptions are written in.
    pub default_locale: DefaultLocale,
}

/// Reads everything; `None` when something was reported as bad.
pub fn read(environment: &mut Reader) -> Option<(Surroundings, Settings)> {
    // Everything is read before the first `?`, which would hide the variables after it.
    let surroundings = Surroundings::read(environment, crate::NAME, 7103);
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
        500_u64,
        50..=60_000,
        "Milliseconds between two looks for reservations past their time, and for prices that begin or end",
    );
    let default_locale =
        environment.or("DEFAULT_LOCALE", Locale::english(), "The language of products' own titles and descriptions");
    let settings = Settings {
        redis: redis?,
        cache_lifetime: Duration::from_secs(cache_lifetime?),
        reservation_margin: Duration::from_secs(reservation_margin?),
        sweep_interval: Duration::from_millis(sweep_interval?),
        default_locale: DefaultLocale(default_locale?),
    };
    Some((surroundings?, settings))
}
