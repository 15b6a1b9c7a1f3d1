//! The pools of one service: tenant writes, tenant reads and system work.
//! The rule: PostgreSQL itself keeps reads from writing (`default_transaction_read_only`) and roles
//! from seeing more than their own (row-level security).

use std::sync::Arc;
use std::time::Duration;

use bb8::Pool;
use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
};
use futures::FutureExt;

use crate::error::Error;
use crate::outbox::OutboxWatch;
use crate::transaction::{Provenance, ReadTransaction, SystemTx, TenantTransaction};

pub(crate) type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;
pub(crate) type Pooled = bb8::PooledConnection<'static, Manager>;

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

/// What a connection is for; it decides the options that it is opened with.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Write,
    Read,
    System,
    /// Stays open for hours and may wait for notifications: no limits on statements.
    Session,
    Migrate,
}

/// The three ways to the data of one service. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    write: Pool<Manager>,
    read: Pool<Manager>,
    system: Pool<Manager>,
    watch: OutboxWatch,
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
        let write = pool(&settings.url, &settings.schema, Purpose::Write, settings.write_connections);
        let read = pool(&settings.url, &settings.schema, Purpose::Read, settings.read_connections);
        let system = pool(&settings.system_url, &settings.schema, Purpose::System, 4);
        Self { inner: Arc::new(Inner { settings, write, read, system, watch: OutboxWatch::default() }) }
    }

    /// The schema of this service.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.inner.settings.schema
    }

    /// Fires after each commit that left rows in the outbox.
    #[must_use]
    pub fn outbox_watch(&self) -> &OutboxWatch {
        &self.inner.watch
    }

    /// Whether both roles reach the database and the schema is migrated.
    ///
    /// # Errors
    /// What is missing, for the log and `/readyz`.
    pub async fn check(&self) -> Result<(), Error> {
        use diesel_async::RunQueryDsl;
        let mut write = self.inner.write.get_owned().await?;
        crate::statement("select event_id from inbox limit 0").execute(&mut *write).await?;
        let mut system = self.inner.system.get_owned().await?;
        crate::statement("select sequence from outbox limit 0").execute(&mut *system).await?;
        Ok(())
    }

    /// Whether both roles reach the database, whatever is in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what the connection said.
    pub async fn reachable(&self) -> Result<(), Error> {
        use diesel_async::RunQueryDsl;
        for pool in [&self.inner.write, &self.inner.system] {
            crate::statement("select 1").execute(&mut *pool.get_owned().await?).await?;
        }
        Ok(())
    }

    /// Whether the schema has the migrations of these versions.
    ///
    /// # Errors
    /// [`Error::Behind`] with the command to run when it does not; otherwise what keeps it from being asked.
    pub async fn is_migrated_to(&self, versions: &[String]) -> Result<(), Error> {
        use diesel_async::RunQueryDsl;
        let mut system = self.inner.system.get_owned().await?;
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
        Ok(())
    }

    /// A writing transaction of one organisation.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no connection is to be had.
    pub async fn begin(
        &self,
        organisation: kernel::OrganisationId,
        provenance: Provenance,
    ) -> Result<TenantTransaction, Error> {
        TenantTransaction::begin(
            self.inner.write.get_owned().await?,
            self.inner.watch.clone(),
            self.schema().to_owned(),
            organisation,
            provenance,
        )
        .await
    }

    /// A read-only transaction of one organisation; it begins together with its first statement.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no connection is to be had.
    pub async fn begin_read(&self, organisation: kernel::OrganisationId) -> Result<ReadTransaction, Error> {
        Ok(ReadTransaction::new(self.inner.read.get_owned().await?, organisation))
    }

    /// A transaction of the system role: sweeps, claims, look-ups that come before an organisation
    /// is known. Row-level security shows it the tables that name it in a policy, and no other.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no connection is to be had.
    pub async fn begin_system(&self) -> Result<SystemTx, Error> {
        SystemTx::begin(self.inner.system.get_owned().await?).await
    }

    /// A connection of the system role outside every pool, for session locks and LISTEN.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot be reached.
    pub async fn system_session(&self) -> Result<AsyncPgConnection, Error> {
        connect(&self.inner.settings.system_url, &self.inner.settings.schema, Purpose::Session)
            .await
            .map_err(|cause| Error::Unavailable(cause.to_string()))
    }
}

fn pool(url: &str, schema: &str, purpose: Purpose, size: u32) -> Pool<Manager> {
    let schema = schema.to_owned();
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    config.custom_setup = Box::new(move |url| {
        let (url, schema) = (url.to_owned(), schema.clone());
        async move { connect(&url, &schema, purpose).await }.boxed()
    });
    // The default asks the server on every check-out. This asks the socket, which costs nothing,
    // and still finds the connections that a restarted server left behind.
    config.recycling_method = RecyclingMethod::CustomFunction(Box::new(|connection| {
        let closed = connection.is_broken();
        async move { if closed { Err(diesel::result::Error::BrokenTransactionManager) } else { Ok(()) } }.boxed()
    }));
    Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(0))
        .connection_timeout(Duration::from_secs(5))
        .test_on_check_out(true)
        .build_unchecked(Manager::new_with_config(url, config))
}

/// Whether this is the URL of a PostgreSQL database. What is wrong with it is not said: the words could be a part of the
/// password.
///
/// # Errors
/// What it should be.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    driver_settings(url).map(|_settings| ())
}

fn driver_settings(url: &str) -> Result<tokio_postgres::Config, &'static str> {
    let settings = url.parse::<tokio_postgres::Config>().ok();
    settings
        .filter(|settings| !settings.get_hosts().is_empty() || !settings.get_hostaddrs().is_empty())
        .ok_or("must be a URL such as postgres://role:password@host:5432/database")
}

pub(crate) async fn connect(url: &str, schema: &str, purpose: Purpose) -> Result<AsyncPgConnection, ConnectionError> {
    let bad = |cause: tokio_postgres::Error| {
        // The source names the cause; the URL, which holds a password, is never part of it.
        let detail = std::error::Error::source(&cause).map(|source| format!(": {source}"));
        ConnectionError::BadConnection(format!("{cause}{}", detail.unwrap_or_default()))
    };
    let mut config = driver_settings(url)
        .map_err(|wrong| ConnectionError::InvalidConnectionUrl(format!("the database's address {wrong}")))?;
    let limits = match purpose {
        Purpose::Read => "-c default_transaction_read_only=on -c statement_timeout=10s",
        Purpose::Write | Purpose::System => "-c lock_timeout=5s -c statement_timeout=30s",
        Purpose::Session => "-c statement_timeout=60s",
        Purpose::Migrate => "-c lock_timeout=20s",
    };
    let idle = match purpose {
        Purpose::Session | Purpose::Migrate => "",
        Purpose::Read | Purpose::Write | Purpose::System => " -c idle_in_transaction_session_timeout=60s",
    };
    // A machine that vanishes closes no connection. Both ends notice within half a minute: the client, so
    // that its work goes on elsewhere; the server, so that the relay's lock and row locks are free again.
    let keepalive = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 \
                     -c tcp_user_timeout=30s";
    let given = config.get_options().unwrap_or_default();
    config
        .options(format!("{given} -c search_path=\"{schema}\" {limits}{idle} {keepalive}"))
        .application_name(format!("cyber-store {schema}"))
        .connect_timeout(Duration::from_secs(5))
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(bad)?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_or_refused_without_a_word_of_it() {
        for url in [
            "postgres://order_app:hunter2@db.example:5432/cyber_store",
            "postgresql://order_app:hunter2@[::1]/cyber_store?sslmode=disable",
            "host=/run/postgresql user=order_app dbname=cyber_store",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "nonsense",
            "postgres://",
            "mysql://order_app:hunter2@db/cyber_store",
            "postgres//order_app:hunter2@db/cyber_store?sslmode=disable",
            "postgres://order_app:hunter2@db:port/cyber_store",
        ] {
            let refused = check_url(url).unwrap_err();
            assert!(!refused.contains("hunter2") && !refused.contains("order_app"), "{refused}");
        }
    }
}
