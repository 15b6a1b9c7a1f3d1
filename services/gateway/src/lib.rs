#![doc = include_str!("../README.md")]

pub mod body;
mod config;
pub mod documents;
pub mod headers;
pub mod hygiene;
pub mod identity;
pub mod limits;
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

use cache::Redis;
use cache::limits::Limits;
use contracts::auth::{OrganisationState, SigningKeyState};
use messaging::{Settings, Table};
use service::{Boot, BootError, Definition, Stage};

use crate::identity::Identity;
use crate::server::Server;
use crate::worker::Shared;

/// The gateway as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new("gateway", "The way in: checks, limits and routes requests", read, start)
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let identity = Identity::new(&config.tokens.issuer, &config.tokens.audience);
    let kafka = Settings {
        brokers: config.kafka.brokers.clone(),
        namespace: config.kafka.namespace.clone(),
        service: "gateway".to_owned(),
    };
    let known = identity.clone();
    let keys = Table::<SigningKeyState>::start(kafka.clone(), move |key, state, _| known.apply_key(key, state));
    let known = identity.clone();
    let organisations =
        Table::<OrganisationState>::start(kafka, move |key, state, _| known.apply_organisation(key, state));
    let redis = boot.require("redis", Redis::open(config.redis.expose()))?;
    let limits = Limits::new(redis, config.gateways);
    let address = config.address();
    let workers = config.http.workers;
    let shared = Shared::new(config.behaviour, identity, &config.addresses, limits);
    let server = boot.require("http server", Server::start(address, workers, shared))?;
    boot.on_stop(Stage::Requests, "http server", move || server.stop());
    Ok(())
}
