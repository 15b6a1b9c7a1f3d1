#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen; the rule: a part is started here and registered to be stopped, or it is not a part.

pub mod commands;
pub mod config;
pub mod credentials;
pub mod domain;
pub mod error;
pub mod http;
pub mod processes;
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use std::sync::Arc;

use access::{KeyRing, Organisations, Verifier};
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use mediator::Mediator;
use messaging::{Producer, Relay};
use service::{Boot, BootError, Definition, LAST_EVENTS, Stage};

use crate::{
    config::Config,
    credentials::{Credentials, Hasher, Issuer, Seal},
    processes::keeper::Keeper,
};

/// The service's name: its schema, the source of its events.
pub const NAME: &str = "auth";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(NAME, "Organisations, users, logins and signing keys", config::read, start)
        .migrations(MIGRATIONS)
        .openapi(|| http::routes().openapi().clone())
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let kafka = messaging::Settings {
        brokers: config.kafka.brokers,
        namespace: config.kafka.namespace,
        service: NAME.to_owned(),
    };
    let database = boot.database(config.database).await?;
    let mediator = Mediator::new(database.clone());

    let credentials = Credentials {
        hasher: boot.require("password hashing", Hasher::new(config.hashes_at_once))?,
        issuer: Issuer::new(&config.tokens.issuer, &config.tokens.audience),
        seal: Arc::new(boot.require("SIGNING_KEY_SECRET", Seal::new(config.signing_key_secret.expose()))?),
        setup: config.setup,
    };
    // Auth needs no topic to know its own keys: once it has started, it serves whether the broker is there or not.
    let ring = KeyRing::new();
    let keeper = Keeper::start(mediator.clone(), credentials.clone(), ring.clone(), config.schedule).await;
    let keeper = boot.require("signing keys", keeper)?;
    boot.on_stop(Stage::Consuming, "signing keys", move || keeper.stop());

    boot.wait_for("kafka topics", || messaging::ensure_topics(&kafka, &[topics::SIGNING_KEY, topics::ORGANISATION]))
        .await?;
    let producer = boot.require("kafka producer", Producer::new(&kafka))?;
    let relay = Relay::start(database, producer);
    boot.must_run("relay", relay.ended());
    boot.on_stop(Stage::Publishing, "relay", move || relay.stop(LAST_EVENTS));

    let verifier = Verifier::new(ring, &config.tokens.issuer, &config.tokens.audience);
    let app = rest::App::new(NAME, mediator, verifier, Organisations::new()).with(credentials);
    let listening = rest::server::Settings::new(config.http.address).workers(config.http.workers);
    let server = boot.require("http server", rest::server::start(listening, app, http::routes()))?;
    boot.on_stop(Stage::Requests, "http server", move || server.stop());
    Ok(())
}
