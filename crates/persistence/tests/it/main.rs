//! Persistence against a real PostgreSQL, as the real roles.

mod migrations;
mod outages;
mod tenants;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// A schema with one business table.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
