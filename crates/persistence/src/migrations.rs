//! Bringing a schema up to date, as its owner and under one lock.
//! The rule: migrations name no schema (`search_path` decides) and each has a working way back.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use crate::connect::{Purpose, connect_once};

/// Why a schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database cannot be reached as the owner of the schema.
    #[error("the database cannot be reached to migrate the schema {schema}: {cause}")]
    Unavailable {
        /// The schema.
        schema: String,
        /// What the connection said.
        cause: String,
    },
    /// A migration failed; the ones before it are in place.
    #[error("a migration of the schema {schema} failed: {cause}")]
    Failed {
        /// The schema.
        schema: String,
        /// The migration and what the database said.
        cause: String,
    },
}

/// A migration of the infrastructure tables.
#[derive(Debug)]
struct Infrastructure {
    /// As its folder is called.
    name: &'static str,
    version: &'static str,
    up: &'static str,
    down: &'static str,
}

macro_rules! infrastructure {
    ($($version:literal $name:literal,)*) => {
        &[$(Infrastructure {
            name: $name,
            version: $version,
            up: include_str!(concat!("../migrations/", $name, "/up.sql")),
            down: include_str!(concat!("../migrations/", $name, "/down.sql")),
        },)*]
    };
}

/// In the order of their versions.
const INFRASTRUCTURE: &[Infrastructure] = infrastructure![
    "20261101000000" "2026-11-01-000000_messages",
    "20261125100000" "2026-11-25-100000_lean_outbox",
    "20261125100001" "2026-11-25-100001_order_of_dead_letters",
    "20261126100000" "2026-11-26-100000_platform_scope",
    "20261126120001" "2026-11-26-120001_batches",
    "20261127180000" "2026-11-27-180000_cursor_keys",
];

impl std::fmt::Display for Infrastructure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl diesel::migration::MigrationName for Infrastructure {
    fn version(&self) -> diesel::migration::MigrationVersion<'_> {
        self.version.into()
    }
}

/// One of them as a migration of this schema's own.
struct InSchema {
    schema: String,
    migration: &'static Infrastructure,
}

struct NoMetadata;

impl diesel::migration::MigrationMetadata for NoMetadata {}

impl Migration<Pg> for InSchema {
    fn run(&self, connection: &mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> {
        Ok(connection.batch_execute(&self.migration.up.replace("{service}", &self.schema))?)
    }

    fn revert(&self, connection: &mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> {
        Ok(connection.batch_execute(&self.migration.down.replace("{service}", &self.schema))?)
    }

    fn metadata(&self) -> &dyn diesel::migration::MigrationMetadata {
        &NoMetadata
    }

    fn name(&self) -> &dyn diesel::migration::MigrationName {
        self.migration
    }
}

/// The infrastructure tables and the service's own, in the order of their versions.
struct Plan {
    schema: String,
    own: EmbeddedMigrations,
}

impl MigrationSource<Pg> for Plan {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        let mut all: Vec<Box<dyn Migration<Pg>>> = Vec::new();
        for infrastructure in INFRASTRUCTURE {
            all.push(Box::new(InSchema { schema: self.schema.clone(), migration: infrastructure }));
        }
        all.extend(MigrationSource::<Pg>::migrations(&self.own)?);
        Ok(all)
    }
}

/// Whether the database takes a connection as the owner of `schema`.
///
/// # Errors
/// [`MigrationError::Unavailable`] with what the connection said.
pub async fn reachable(owner_url: &str, schema: &str) -> Result<(), MigrationError> {
    match connect_once(owner_url, schema, Purpose::Migrate).await {
        Ok(_connection) => Ok(()),
        Err(cause) => Err(MigrationError::Unavailable { schema: schema.to_owned(), cause: cause.to_string() }),
    }
}

/// The versions that a program which embeds these migrations needs its schema to have: the newest of the infrastructure
/// tables and the newest of its own. Whoever has them has all that come before.
#[must_use]
pub fn required(own: &EmbeddedMigrations) -> Vec<String> {
    let all = MigrationSource::<Pg>::migrations(own).unwrap_or_default();
    let newest = all.iter().map(|migration| migration.name().version().to_string()).max();
    let infrastructure = INFRASTRUCTURE.last().map(|migration| migration.version.to_owned());
    infrastructure.into_iter().chain(newest).collect()
}

/// Runs what is pending and returns the names of the migrations that ran. Two replicas may call it
/// at once: the second waits and finds nothing to do.
///
/// # Errors
/// [`MigrationError`]; a failed migration is rolled back.
pub async fn migrate(owner_url: &str, schema: &str, own: EmbeddedMigrations) -> Result<Vec<String>, MigrationError> {
    run(owner_url, schema, own, |harness, plan| harness.run_pending_migrations(plan).map(names)).await
}

/// Takes every migration back, newest first; for tests of the way back.
///
/// # Errors
/// [`MigrationError`], naming the migration whose way back does not work.
pub async fn revert(owner_url: &str, schema: &str, own: EmbeddedMigrations) -> Result<Vec<String>, MigrationError> {
    run(owner_url, schema, own, |harness, plan| harness.revert_all_migrations(plan).map(names)).await
}

fn names(versions: Vec<diesel::migration::MigrationVersion<'_>>) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

async fn run(
    owner_url: &str,
    schema: &str,
    own: EmbeddedMigrations,
    work: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>, Plan) -> diesel::migration::Result<Vec<String>>
    + Send
    + 'static,
) -> Result<Vec<String>, MigrationError> {
    let unavailable = |cause: String| MigrationError::Unavailable { schema: schema.to_owned(), cause };
    let mut connection =
        connect_once(owner_url, schema, Purpose::Migrate).await.map_err(|cause| unavailable(cause.to_string()))?;
    // Held until this connection closes.
    crate::statement("select pg_advisory_lock(hashtextextended($1, 0))")
        .bind::<diesel::sql_types::Text, _>(format!("migrate {schema}"))
        .execute(&mut connection)
        .await
        .map_err(|cause| unavailable(cause.to_string()))?;
    let plan = Plan { schema: schema.to_owned(), own };
    let mut harness = AsyncMigrationHarness::new(connection);
    let failed = |cause: String| MigrationError::Failed { schema: schema.to_owned(), cause };
    // The harness blocks its thread, which only a blocking thread may do on every kind of runtime.
    let worked = tokio::task::spawn_blocking(move || {
        let outcome = work(&mut harness, plan).map_err(|cause| cause.to_string());
        (outcome, harness.into_inner())
    });
    let (outcome, mut connection) = worked.await.map_err(|cause| unavailable(cause.to_string()))?;
    let names = outcome.map_err(failed)?;
    // The service asks at its start whether the schema is what it needs. Diesel makes this table itself, so no migration
    // can grant it.
    let readable = format!("grant select on __diesel_schema_migrations to \"{schema}_system\"");
    connection.batch_execute(&readable).await.map_err(|cause| failed(cause.to_string()))?;
    Ok(names)
}
