//! The query engine against a real PostgreSQL, as the role that production uses.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod evaluator;
mod hostile;
mod random;
mod things;
mod words;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// A schema with things and their parts.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
