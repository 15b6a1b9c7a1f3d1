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

use std::sync::atomic::{AtomicBool, Ordering};

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
    let kafka =
        Settings { brokers: config.kafka.brokers, namespace: config.kafka.namespace, service: "gateway".to_owned() };
    let known = &identity;
    let keys = boot
        .wait_for("the topic of signing keys", || {
            let known = known.clone();
            Table::start::<SigningKeyState>(&kafka, move |entry| known.apply_key(entry.key, entry.state))
        })
        .await?;
    let organisations = boot
        .wait_for("the topic of organisations", || {
            let known = known.clone();
            Table::start::<OrganisationState>(&kafka, move |entry| known.apply_organisation(entry.key, entry.state))
        })
        .await?;
    for (part, table) in [("signing keys", keys), ("organisations", organisations)] {
        let ready = table.readiness();
        boot.ready_when(part, move || std::future::ready(read_to_its_end(&ready)));
        boot.on_stop(Stage::Consuming, part, move || table.stop());
    }

    let limits = Limits::new(config.redis, config.gateways);
    let shared = Shared::new(config.behaviour, identity, &config.addresses, limits).trusting(config.proxies);
    let server = boot.require("http server", Server::start(config.http.address, config.http.workers, shared))?;
    tracing::info!(address = %server.address(), "requests are taken");
    boot.on_stop(Stage::Requests, "http server", move || server.stop());
    Ok(())
}

fn read_to_its_end(ready: &AtomicBool) -> Result<(), &'static str> {
    if ready.load(Ordering::Acquire) { Ok(()) } else { Err("the topic is still being read") }
}
