//! The pools of one service: tenant writes, tenant reads and the system role's work.
//! The rule: a connection's role decides what it sees, and a transaction's tenancy decides its role.

use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use tokio::sync::Notify;

use crate::connect::{Purpose, Server};
use crate::error::Error;
use crate::observers::Observers;
use crate::paging::SealingKey;
use crate::pool::{Pool, Pooled};
use crate::tenancy::Tenancy;
use crate::transaction::{Provenance, Publishing, ReadTransaction, Transaction};

/// Connections for the system role's work.
const SYSTEM_CONNECTIONS: u32 = 4;

/// Where a service's database is and how many connections it may hold.
#[derive(Clone)]
pub struct Settings {
    /// URL of the tenant role (`<service>_app`), for both tenant pools.
    pub url: String,
    /// URL of the system role (`<service>_system`).
    pub system_url: String,
    /// The service's schema; it becomes the `search_path` of every connection.
    pub schema: String,
    /// Connections for writes, 1 to 200.
    pub write_connections: u32,
    /// Connections for reads, 1 to 200.
    pub read_connections: u32,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URLs carry passwords.
        f.debug_struct("Settings")
            .field("schema", &self.schema)
            .field("write_connections", &self.write_connections)
            .field("read_connections", &self.read_connections)
            .finish_non_exhaustive()
    }
}

/// The three ways to the data of one service. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    server: Arc<Server>,
    write: Pool,
    read: Pool,
    system: Pool,
    publishing: Arc<Publishing>,
    sealing: SealingKey,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("settings", &self.inner.settings).finish()
    }
}

impl Database {
    /// Prepares the pools. Connections are opened on first use, by the runtime that uses them, so
    /// this succeeds while the database is still away; [`Database::check`] tells.
    #[must_use]
    pub fn open(settings: Settings) -> Self {
        Self::observed(settings, Observers::default())
    }

    /// As [`Database::open`], with observers of the events that its transactions commit.
    #[must_use]
    pub fn observed(settings: Settings, observers: Observers) -> Self {
        let server = Arc::<Server>::default();
        let pool = |url, purpose, size| Pool::new(&server, url, &settings.schema, purpose, size);
        let write = pool(&settings.url, Purpose::Write, settings.write_connections);
        let read = pool(&settings.url, Purpose::Read, settings.read_connections);
        let system = pool(&settings.system_url, Purpose::System, SYSTEM_CONNECTIONS);
        let publishing = Publishing { watch: Arc::default(), observers, source: settings.schema.clone() };
        let publishing = Arc::new(publishing);
        Self {
            inner: Arc::new(Inner {
                settings,
                server,
                write,
                read,
                system,
                publishing,
                sealing: SealingKey::default(),
            }),
        }
    }

    /// The schema of this service.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.inner.settings.schema
    }

    /// Told after each commit that left rows in the outbox.
    #[must_use]
    pub fn outbox_watch(&self) -> &Arc<Notify> {
        &self.inner.publishing.watch
    }

    /// Whether both roles reach the database and the schema is migrated.
    ///
    /// # Errors
    /// What is missing, for the log and `/readyz`.
    pub async fn check(&self) -> Result<(), Error> {
        use diesel_async::RunQueryDsl;
        let mut write = self.inner.write.get().await?;
        crate::statement("select event_id from inbox limit 0").execute(&mut *write).await?;
        write.give_back();
        let mut system = self.inner.system.get().await?;
        crate::statement("select sequence from outbox limit 0").execute(&mut *system).await?;
        system.give_back();
        Ok(())
    }

    /// Whether both roles reach the database, whatever is in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what the connection said, or [`Error::Away`].
    pub async fn reachable(&self) -> Result<(), Error> {
        use diesel_async::RunQueryDsl;
        for pool in [&self.inner.write, &self.inner.system] {
            let mut connection = pool.get().await?;
            crate::statement("select 1").execute(&mut *connection).await?;
            connection.give_back();
        }
        Ok(())
    }

    /// Whether the schema has the migrations of these versions.
    ///
    /// # Errors
    /// [`Error::Behind`] with the command to run when it does not; otherwise what keeps it from being asked.
    pub async fn is_migrated_to(&self, versions: &[String]) -> Result<(), Error> {
        use diesel_async::RunQueryDsl;
        let mut system = self.inner.system.get().await?;
        // Never migrated, there is no such table; `migrate` gives it to this role as its last step.
        let begun = crate::statement(
            "select 1 where has_table_privilege(to_regclass('__diesel_schema_migrations')::oid, 'select')",
        )
        .execute(&mut *system)
        .await?;
        for version in versions {
            let found = begun == 1
                && crate::statement("select 1 from __diesel_schema_migrations where version = $1")
                    .bind::<diesel::sql_types::Text, _>(version)
                    .execute(&mut *system)
                    .await?
                    == 1;
            if !found {
                let schema = self.schema();
                return Err(Error::Behind(format!("{schema} lacks the migration {version}; run `{schema} migrate`")));
            }
        }
        system.give_back();
        Ok(())
    }

    /// A writing transaction. [`crate::Tenant`] sees its organisation's rows; [`crate::Platform`] runs as the system
    /// role, to which row-level security shows no organisation's table unless a policy of the table names it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Away`] or [`Error::Busy`] when no connection is to be had.
    pub async fn begin<T: Tenancy>(&self, tenancy: T, provenance: Provenance) -> Result<Transaction<T>, Error> {
        let connection = self.connection(&tenancy, &self.inner.write).await?;
        Transaction::begin("BEGIN", connection, self.inner.publishing.clone(), tenancy, provenance).await
    }

    /// As [`Database::begin`], for work of several callers: a statement that waits for somebody's row for more than 50 ms
    /// fails, so that the others do not wait for it too.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub async fn begin_shared<T: Tenancy>(&self, tenancy: T, provenance: Provenance) -> Result<Transaction<T>, Error> {
        const BEGIN: &str = "BEGIN;set local lock_timeout = '50ms'";
        let connection = self.connection(&tenancy, &self.inner.write).await?;
        Transaction::begin(BEGIN, connection, self.inner.publishing.clone(), tenancy, provenance).await
    }

    /// A read-only transaction; it begins together with its first statement.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Away`] or [`Error::Busy`] when no connection is to be had.
    pub async fn begin_read<T: Tenancy>(&self, tenancy: T) -> Result<ReadTransaction<T>, Error> {
        let connection = self.connection(&tenancy, &self.inner.read).await?;
        Ok(ReadTransaction::new(connection, tenancy, self.inner.sealing.clone()))
    }

    /// A connection of the system role for what has no organisation, otherwise one of `tenants`.
    async fn connection(&self, tenancy: &impl Tenancy, tenants: &Pool) -> Result<Pooled, Error> {
        let pool = if tenancy.is_tenant() { tenants } else { &self.inner.system };
        pool.get().await
    }

    /// A connection of the system role outside every pool, for session locks and LISTEN.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Away`] when the database cannot be reached.
    pub async fn system_session(&self) -> Result<AsyncPgConnection, Error> {
        let Inner { server, settings, .. } = &*self.inner;
        server.connect(&settings.system_url, &settings.schema, Purpose::Session).await
    }
}
