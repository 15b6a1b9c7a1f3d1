//! What one worker thread of the gateway holds: its way to the services, its limits, its meters, and what it shares.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use crate::clients::Network;
use crate::documents::Documents;
use crate::identity::Identity;
use crate::limits::{Allowances, Gate};
use crate::routes::Service;
use crate::shed::Places;
use crate::upstream::{Address, Replicas, Upstreams};

/// How the gateway behaves.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// The longest body, bytes.
    pub body_limit: u64,
    /// The longest import, bytes.
    pub import_limit: u64,
    /// Requests under way at once.
    pub at_once: usize,
    /// For a connection to a replica.
    pub connect_limit: Duration,
    /// For an answer's head; `Prefer: wait` comes on top.
    pub answer_limit: Duration,
    /// For the client's next bytes.
    pub body_patience: Duration,
    /// Requests per minute.
    pub allowances: Allowances,
    /// The share of requests that get a span where the client brought no decision, 0 to 1.
    pub sampled: f64,
}

/// What all workers share.
#[derive(Clone)]
pub struct Shared {
    /// How it behaves.
    pub behaviour: Arc<Behaviour>,
    /// Who may.
    pub identity: Identity,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Arc<[Network]>,
    /// Where the services are.
    pub replicas: Arc<Vec<Replicas>>,
    /// How often.
    pub limits: cache::limits::Limits,
    /// How many at once.
    pub places: Places,
    /// The merged document.
    pub documents: Documents,
}

impl Shared {
    /// `addresses` in the order of [`Service::ALL`].
    #[must_use]
    pub fn new(
        behaviour: Behaviour,
        identity: Identity,
        addresses: &[Vec<Address>; Service::ALL.len()],
        limits: cache::limits::Limits,
    ) -> Shared {
        Shared {
            places: Places::new(behaviour.at_once),
            behaviour: Arc::new(behaviour),
            identity,
            proxies: Arc::default(),
            replicas: Arc::new(addresses.iter().map(|addresses| Replicas::new(addresses)).collect()),
            limits,
            documents: Documents::default(),
        }
    }

    /// Believes what these say about whom they ask for.
    #[must_use]
    pub fn trusting(mut self, proxies: Vec<Network>) -> Shared {
        self.proxies = proxies.into();
        self
    }
}

/// One worker.
pub struct Worker {
    /// What it shares.
    pub shared: Shared,
    /// Its own connections.
    pub upstreams: Upstreams,
    /// Its own lots.
    pub gate: Gate,
    /// Its handles on the counters.
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

/// Registered once: looking a counter up by its labels for every request would cost more than counting.
pub struct Meters {
    replies: Vec<[Counter; 5]>,
    seconds: Vec<Histogram>,
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
        }
    }

    /// One reply; no service where the gateway itself answered.
    pub fn replied(&self, service: Option<Service>, status: u16, took: Duration) {
        let row = service.map_or(Service::ALL.len(), Service::index);
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.replies[row][class].increment(1);
        self.seconds[row].record(took);
    }
}
