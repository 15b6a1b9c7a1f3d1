//! What one worker thread of the gateway holds: its connections, its rate limits, its metrics, and what all workers
//! share.

use std::sync::Arc;
use std::time::Duration;

use access::Network;
use metrics::{Counter, Histogram, counter, histogram};
use rest::server::Pace;
use strum::VariantArray;

use crate::documents::Documents;
use crate::identity::Identity;
use crate::limits::{Allowances, Gate};
use crate::refusal::Bound;
use crate::routes::{Service, Size};
use crate::shed::Places;
use crate::upstream::{Address, Replicas, Upstreams};

/// What the services take of an ordinary body, bytes.
const ORDINARY_LIMIT: u64 = 64 * 1024;
/// The longest body of a product, a category tree or a list of rows, bytes.
const LARGE_LIMIT: u64 = 1024 * 1024;

/// The gateway's limits and times.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// The longest body of a product or of a category tree, bytes. No other one but an import may be longer, either.
    pub body_limit: u64,
    /// The longest import, bytes.
    pub import_limit: u64,
    /// Requests under way at once.
    pub at_once: usize,
    /// The longest time for connecting to a replica.
    pub connect_limit: Duration,
    /// The longest time for the head of an answer, in addition to `Prefer: wait`.
    pub answer_limit: Duration,
    /// The longest pause between two pieces of a client's body.
    pub body_patience: Duration,
    /// The slowest that a client may take its answer.
    pub pace: Pace,
    /// The rate limits.
    pub allowances: Allowances,
    /// The share of requests that get a span when they come without a sampling decision, 0 to 1.
    pub sampled: f64,
}

impl Behaviour {
    /// The longest body of a route of this size, bytes.
    #[must_use]
    pub fn longest(&self, size: Size) -> u64 {
        match size {
            Size::Ordinary => self.body_limit.min(ORDINARY_LIMIT),
            Size::Large => self.body_limit.min(LARGE_LIMIT),
            Size::Largest => self.body_limit,
            Size::Import => self.import_limit,
        }
    }
}

/// What all workers share.
#[derive(Clone)]
pub struct Shared {
    /// Limits and times.
    pub behaviour: Arc<Behaviour>,
    /// What is known of callers.
    pub identity: Identity,
    /// The proxies whose `X-Forwarded-For` counts.
    pub proxies: Arc<[Network]>,
    /// The replicas of each service, in the order of [`Service::ALL`].
    pub replicas: Arc<Vec<Replicas>>,
    /// The rate limits that all gateways share.
    pub limits: cache::limits::Limits,
    /// The places for requests under way.
    pub places: Places,
    /// The merged document.
    pub documents: Documents,
}

impl Shared {
    /// `addresses` are in the order of [`Service::ALL`]; `proxies` are trusted to name their clients in `X-Forwarded-For`.
    #[must_use]
    pub fn new(
        behaviour: Behaviour,
        identity: Identity,
        addresses: &[Vec<Address>; Service::ALL.len()],
        limits: cache::limits::Limits,
        proxies: Vec<Network>,
    ) -> Shared {
        Shared {
            places: Places::new(behaviour.at_once),
            behaviour: Arc::new(behaviour),
            identity,
            proxies: proxies.into(),
            replicas: Arc::new(addresses.iter().map(|addresses| Replicas::new(addresses)).collect()),
            limits,
            documents: Documents::default(),
        }
    }
}

/// One worker.
pub struct Worker {
    /// What all workers share.
    pub shared: Shared,
    /// Its own connections to the services.
    pub upstreams: Upstreams,
    /// Its own lots of the rate limits.
    pub gate: Gate,
    /// Its metrics.
    pub meters: Meters,
}

impl Worker {
    /// Made once per worker thread.
    #[must_use]
    pub fn new(shared: Shared) -> Worker {
        Worker {
            upstreams: Upstreams::new(Arc::clone(&shared.replicas), shared.behaviour.connect_limit),
            gate: Gate::new(shared.limits.clone(), shared.behaviour.allowances),
            meters: Meters::new(),
            shared,
        }
    }
}

/// The metrics of replies. They are registered once, because looking up a counter by its labels costs more than
/// counting.
pub struct Meters {
    replies: Vec<[Counter; 5]>,
    seconds: Vec<Histogram>,
    /// In the order of [`Bound::VARIANTS`].
    bounds: Vec<Counter>,
}

impl Meters {
    fn new() -> Meters {
        let names = || Service::ALL.iter().map(|service| service.name()).chain(["gateway"]);
        Meters {
            replies: names()
                .map(|service| {
                    ["1xx", "2xx", "3xx", "4xx", "5xx"]
                        .map(|class| counter!("gateway_replies_total", "service" => service, "status" => class))
                })
                .collect(),
            seconds: names().map(|service| histogram!("gateway_reply_seconds", "service" => service)).collect(),
            bounds: Bound::VARIANTS
                .iter()
                .map(|bound| counter!("gateway_refusals_total", "bound" => <&'static str>::from(bound)))
                .collect(),
        }
    }

    /// Counts a 503 of the gateway's own.
    pub fn lacked(&self, bound: Bound) {
        self.bounds[bound as usize].increment(1);
    }

    /// Counts a reply. `service` is `None` where the gateway itself replied.
    pub fn replied(&self, service: Option<Service>, status: u16, took: Duration) {
        let row = service.map_or(Service::ALL.len(), Service::index);
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.replies[row][class].increment(1);
        self.seconds[row].record(took);
    }
}
