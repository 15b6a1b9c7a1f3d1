//! The gateway's configuration, read once.
//!
//! The rule it keeps: every bad variable is reported at once; nothing else reads the environment.

use std::time::Duration;

use access::Network;
use cache::Redis;
use rest::server::Pace;
use service::config::Reader;
use service::settings;

use crate::limits::Allowances;
use crate::routes::Service;
use crate::upstream::Address;
use crate::worker::Behaviour;

/// Everything that the gateway needs to start.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub http: settings::Http,
    /// Where auth announces what is known of callers.
    pub kafka: settings::Kafka,
    /// Which tokens are accepted.
    pub tokens: settings::Tokens,
    /// Where rates are counted.
    pub redis: Redis,
    /// How many gateways share the limits while Redis is away.
    pub gateways: u32,
    /// The proxies whose `X-Forwarded-For` counts.
    pub proxies: Vec<Network>,
    /// The replicas, in the order of [`Service::ALL`].
    pub addresses: [Vec<Address>; Service::ALL.len()],
    /// Limits and times.
    pub behaviour: Behaviour,
}

/// Reads everything first, so that one bad variable hides no other.
pub fn read(env: &mut Reader) -> Option<Config> {
    let http = settings::http(env, 8080);
    let kafka = settings::kafka(env);
    let tokens = settings::tokens(env);
    let redis = env.secret_parsed("REDIS_URL", "Redis, where request rates are counted", |url| {
        Redis::open(url).map_err(|error| error.to_string())
    });
    let auth = env.list::<Address>("AUTH_URLS", "Replicas of auth, as http://host:port");
    let category = env.list::<Address>("CATEGORY_URLS", "Replicas of category");
    let catalog = env.list::<Address>("CATALOG_URLS", "Replicas of catalog");
    let order = env.list::<Address>("ORDER_URLS", "Replicas of order");
    let notifier = env.list::<Address>("NOTIFIER_URLS", "Replicas of notifier");
    let address =
        env.within("LIMIT_ADDRESS_PER_MINUTE", 60_000, 0..=100_000_000, "Requests of one address; 0 = no limit");
    let organisation = env.within(
        "LIMIT_ORGANISATION_PER_MINUTE",
        120_000,
        0..=100_000_000,
        "Requests of one organisation, staff and shop together; 0 = no limit",
    );
    let login = env.within(
        "LIMIT_LOGIN_PER_MINUTE",
        120,
        0..=100_000_000,
        "Logins, set-ups and whatever else can be guessed at, of one address; 0 = no limit",
    );
    let proxies = env.optional_list::<Network>(
        "TRUSTED_PROXIES",
        "Load balancers in front, as addresses or networks: they say in X-Forwarded-For who asks",
    );
    let gateways = env.within("GATEWAY_REPLICAS", 1, 1..=1_000, "Gateways that share the limits while Redis is away");
    let body_limit = env.within("BODY_LIMIT_BYTES", 8 << 20, 1..=1 << 30, "The longest body of many products");
    let import_limit = env.within("IMPORT_LIMIT_BYTES", 1 << 28, 1..=1 << 40, "The longest file to import");
    let at_once = env.within("REQUESTS_AT_ONCE", 2_048, 1..=100_000, "Requests under way at once; more are refused");
    let connect = env.within("CONNECT_MILLISECONDS", 1_000, 1..=60_000, "For a connection to a replica");
    let answer = env.within("ANSWER_SECONDS", 30, 1..=600, "For an answer; Prefer: wait comes on top");
    let patience = env.within("BODY_SECONDS", 10, 1..=600, "For the client's next bytes of a body");
    let taken = env.within("READER_BYTES", 16_384, 1..=1 << 30, "What a client takes of its answer in READER_SECONDS");
    let period = env.within("READER_SECONDS", 20, 1..=3_600, "A client that takes less of its answer is cut off");
    let sampled = env.within("TRACE_SAMPLE_RATIO", 1.0, 0.0..=1.0, "Share of new traces that are kept");
    Some(Config {
        http: http?,
        kafka: kafka?,
        tokens: tokens?,
        redis: redis?,
        gateways: gateways?,
        proxies: proxies?,
        addresses: [auth?, category?, catalog?, order?, notifier?],
        behaviour: Behaviour {
            body_limit: body_limit?,
            import_limit: import_limit?,
            at_once: at_once?,
            connect_limit: Duration::from_millis(connect?),
            answer_limit: Duration::from_secs(answer?),
            body_patience: Duration::from_secs(patience?),
            pace: Pace { bytes: taken?, within: Duration::from_secs(period?) },
            allowances: Allowances {
                address: address?,
                organisation: organisation?,
                login: login?,
                per: Duration::from_secs(60),
            },
            sampled: sampled?,
        },
    })
}
