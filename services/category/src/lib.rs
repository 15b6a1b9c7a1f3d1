#![doc = include_str!("../README.md")]
//!
//! The rule: what the service consists of is declared once, in [`assembly()`], for the process and for the tests.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod processes;
mod projections;
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use assembly::{Assembly, Surroundings};
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use serde_json::Value;
use service::{Boot, BootError, Definition};

use crate::processes::rebuild;

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

/// What the service consists of.
pub fn assembly() -> Assembly {
    Assembly::new(NAME)
        .publishes(&[topics::CATEGORY])
        .subscribes(events::subscriptions())
        .rebuild(rebuild::PRODUCT_COUNTS, |kit| async move {
            events::rebuild_product_counts(&kit.mediator, &kit.kafka).await.map(Value::from)
        })
        .serves(http::routes(), |_, app| app)
}

async fn start(surroundings: Surroundings, boot: Boot) -> Result<(), BootError> {
    assembly().start(surroundings, &boot).await.map(drop)
}
