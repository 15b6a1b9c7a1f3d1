#![doc = include_str!("../README.md")]
//!
//! The rule: what the service consists of is declared once, in [`assembly()`], for the process and for the tests.

pub mod commands;
pub mod config;
pub mod credentials;
pub mod domain;
pub mod error;
pub mod http;
pub mod processes;
pub mod projections;
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use std::time::Duration;

use access::{KeyRing, Organisations};
use assembly::{Assembly, Kit};
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use service::{Boot, BootError, Definition, Part, Stage};

use crate::{
    config::Config,
    credentials::{Credentials, Derivation, Hasher, Seal},
    domain::{NewOperator, Schedule},
    http::Resets,
    processes::{clearing, keeper::Keeper, operators},
};

/// The service's name: its schema, the source of its events.
pub const NAME: &str = "auth";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// How often it is looked for sessions to clear away.
const CLEARING: Duration = Duration::from_secs(60);

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(NAME, "Organisations, users, logins and signing keys", config::read, start)
        .migrations(MIGRATIONS)
        .openapi(|| http::routes().openapi().clone())
}

/// What the service consists of.
///
/// Auth needs no topic to know its own keys: once it has started, it serves whether the broker is there or not.
pub fn assembly(credentials: Credentials, schedule: Schedule, first_operator: Option<NewOperator>) -> Assembly {
    let ring = KeyRing::new();
    let keeper = Keeper { credentials: credentials.clone(), ring: ring.clone(), schedule };
    let first = keeper.clone();
    let (life, rotating, setting_up) = (credentials.life, keeper.clone(), credentials.clone());
    Assembly::new(NAME)
        .publishes(&[
            topics::SIGNING_KEY,
            topics::ORGANISATION,
            topics::MEMBERSHIP,
            topics::SESSION,
            topics::API_KEY,
            topics::INVITATION,
            topics::ACCOUNT,
            topics::CUSTOMER_ACCOUNT,
        ])
        .prepares("signing keys", |kit: Kit| async move { first.round(&kit.mediator).await })
        .prepares("the first operator", move |kit: Kit| async move {
            operators::ensure_first(&kit.mediator, &setting_up, first_operator).await
        })
        .part(move |kit| {
            let mediator = kit.mediator.clone();
            Part::restarted(Stage::Consuming, "signing keys", move |stop| keeper.clone().run(mediator.clone(), stop))
        })
        .part(move |kit| clearing::part(kit.mediator.clone(), life, CLEARING))
        .verifies_with(ring, Organisations::new())
        .serves(http::routes(), move |kit, app| {
            app.with(credentials).with(rotating).with(Resets { tasks: kit.tasks(Stage::Requests, "password resets") })
        })
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let credentials = Credentials {
        hasher: boot.require("password hashing", Hasher::new(config.hashes_at_once))?,
        issuer: config.issuer,
        seal: boot.require("SIGNING_KEY_SECRET", Seal::new(config.signing_key_secret.expose()))?.into(),
        setup: config.setup,
        derivation: Derivation::new(config.signing_key_secret.expose()).into(),
        life: config.life,
    };
    assembly(credentials, config.schedule, config.first_operator).start(config.surroundings, &boot).await.map(drop)
}
