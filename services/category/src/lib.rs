#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen; the rule: a part is started here and registered to be stopped, or it is not a part.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use access::Verifier;
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use mediator::Mediator;
use messaging::{Identities, Producer, Relay};
use service::{Boot, BootError, Definition, LAST_EVENTS, Stage};

use crate::config::Config;

/// The service's name: its schema, the source of its events.
pub const NAME: &str = "category";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(NAME, "The category tree of each organisation", config::read, start)
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

    boot.wait_for("kafka topics", || messaging::ensure_topics(&kafka, &[topics::CATEGORY])).await?;
    let producer = boot.require("kafka producer", Producer::new(&kafka))?;
    let relay = Relay::start(database, producer);
    boot.must_run("relay", relay.ended());
    boot.on_stop(Stage::Publishing, "relay", move || relay.stop(LAST_EVENTS));

    let identities = boot.wait_for("keys and organisations", || Identities::start(&kafka)).await?;
    boot.ready_when("keys and organisations", identities.readiness());
    let verifier = Verifier::new(identities.keys(), &config.tokens.issuer, &config.tokens.audience);

    let app = rest::App::new(NAME, mediator, verifier, identities.organisations());
    boot.on_stop(Stage::Closing, "keys and organisations", move || identities.stop());
    let listening = rest::server::Settings::new(config.http.address).workers(config.http.workers);
    let server = boot.require("http server", rest::server::start(listening, app, http::routes()))?;
    boot.on_stop(Stage::Requests, "http server", move || server.stop());
    Ok(())
}
