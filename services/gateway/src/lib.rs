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

use access::Verifier;
use cache::limits::Limits;
use messaging::{Reachability, Settings};
use service::{Boot, BootError, Definition, Part, Stage};

use crate::identity::Identity;
use crate::worker::Shared;

/// The gateway as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new("gateway", "The way in: checks, limits and routes requests", read, start)
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let kafka =
        Settings { brokers: config.kafka.brokers, namespace: config.kafka.namespace, service: "gateway".to_owned() };
    let reachability = Reachability::of(&kafka);
    boot.tell_when_away("kafka", move || reachability.outage());
    let identities = assembly::identities(&kafka, &boot);
    let standings = assembly::standings(&kafka, &boot);
    let ((keys, organisations), (standings, api_keys)) = futures::try_join!(identities, standings)?;
    let verifier = Verifier::new(keys, &config.tokens.issuer, &config.tokens.audience);
    let limits = Limits::new(config.redis, config.gateways);
    let identity = Identity::new(verifier, organisations, standings, api_keys);
    let shared = Shared::new(config.behaviour, identity, &config.addresses, limits, config.proxies);
    let server = boot.require("http server", server::bind(config.http.address, config.http.workers, shared))?;
    tracing::info!(address = %server.address(), "requests are taken");
    boot.run(Part::essential(Stage::Requests, "http server", |stop| async { Ok(server.run(stop).await?) }));
    Ok(())
}
