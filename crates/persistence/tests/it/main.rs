//! Persistence against a real PostgreSQL, as the real roles.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod away;
mod busy;
mod crowd;
mod migrations;
mod outages;
mod retention;
mod tenants;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// A schema with one business table.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
