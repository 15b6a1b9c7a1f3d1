#![doc = include_str!("../README.md")]

pub mod body;
pub mod clients;
mod config;
pub mod documents;
pub mod headers;
pub mod hygiene;
pub mod identity;
pub mod limits;
pub mod pages;
pub mod passing;
pub mod proxy;
pub mod refusal;
pub mod routes;
pub mod server;
pub mod shed;
pub mod trace;
pub mod upstream;
pub mod worker;

pub use config::{Config, read};

use access::{Organisations, Verifier};
use cache::limits::Limits;
use messaging::Settings;
use service::{Boot, BootError, Definition, Part, Stage};

use crate::clients::Network;
use crate::identity::Identity;
use crate::routes::Service;
use crate::upstream::Address;
use crate::worker::{Behaviour, Shared};

/// The gateway as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new("gateway", "The way in: checks, limits and routes requests", read, start)
}

/// Puts a gateway together, for the process and for the tests: what its workers share.
///
/// `addresses` are the replicas in the order of [`Service::ALL`]; `proxies` are trusted to name their clients.
#[must_use]
pub fn shared(
    behaviour: Behaviour,
    verifier: Verifier,
    organisations: Organisations,
    addresses: &[Vec<Address>; Service::ALL.len()],
    limits: Limits,
    proxies: Vec<Network>,
) -> Shared {
    Shared::new(behaviour, Identity::new(verifier, organisations), addresses, limits).trusting(proxies)
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let kafka =
        Settings { brokers: config.kafka.brokers, namespace: config.kafka.namespace, service: "gateway".to_owned() };
    let (keys, organisations) = assembly::identities(&kafka, &boot).await?;
    let verifier = Verifier::new(keys, &config.tokens.issuer, &config.tokens.audience);
    let limits = Limits::new(config.redis, config.gateways);
    let shared = shared(config.behaviour, verifier, organisations, &config.addresses, limits, config.proxies);
    let server = boot.require("http server", server::bind(config.http.address, config.http.workers, shared))?;
    tracing::info!(address = %server.address(), "requests are taken");
    boot.run(Part::essential(Stage::Requests, "http server", |stop| async { Ok(server.run(stop).await?) }));
    Ok(())
}
