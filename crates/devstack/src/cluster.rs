//! The three servers of a test run, and the databases on them: one cluster for the run, one database per test.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::Error;
use crate::bootstrap::{self, DatabaseRole, Passwords, connect};
use crate::postgres_url::PostgresUrl;

/// The addresses of a PostgreSQL, a Redis and a Kafka in which tests may do as they like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The superuser's URL to the maintenance database.
    pub database_url: String,
    /// `redis://host:port`.
    pub redis_url: String,
    /// `host:port`, comma-separated.
    pub kafka_brokers: String,
}

impl Cluster {
    /// The superuser's URL to this database.
    ///
    /// # Errors
    /// When `database_url` is not a PostgreSQL URL.
    pub fn superuser_url(&self, database: &str) -> Result<String, Error> {
        Ok(self.maintenance()?.with_database(database).to_string())
    }

    /// The URL of one service's role to this database.
    ///
    /// # Errors
    /// When `database_url` is not a PostgreSQL URL.
    pub fn role_url(&self, database: &str, service: &str, role: DatabaseRole) -> Result<String, Error> {
        let passwords = Passwords::for_tests();
        let url = self.maintenance()?.with_database(database);
        Ok(url.with_role(&role.of(service), passwords.of(service, role)).to_string())
    }

    /// Creates a database with the empty schemas of all services.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        let maintenance = self.maintenance()?;
        bootstrap::create_roles(&maintenance, &Passwords::for_tests()).await?;
        self.execute(&format!("create database \"{name}\""), "create a database").await?;
        bootstrap::create_schemas(&maintenance.with_database(name), &Passwords::for_tests()).await
    }

    /// Creates a copy of a template. Nobody may be connected to the template; that is waited for, up to 20 s.
    ///
    /// # Errors
    /// When PostgreSQL refuses or the template stays in use.
    pub async fn copy_database(&self, name: &str, template: &str) -> Result<(), Error> {
        let maintenance = self.maintenance()?;
        let copy = format!("create database \"{name}\" template \"{template}\"");
        when_unused(&connect(&maintenance).await?, &copy, format!("copy {template} as {name}")).await?;
        // A template is copied with the privileges inside it, without the right to connect.
        bootstrap::create_schemas(&maintenance.with_database(name), &Passwords::for_tests()).await
    }

    /// Drops a database, even while somebody is connected to it.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.execute(&format!("drop database if exists \"{name}\" with (force)"), "drop a database").await
    }

    /// The name of the database that `build` made for this key. Of all processes that ask, the first one builds it.
    ///
    /// `build` gets the name of a new database with the schemas of all services and migrates it; it must close its
    /// connections. The key must stand for everything that decides the outcome: what `build` does is never compared.
    ///
    /// # Errors
    /// What `build` returns, or when PostgreSQL refuses.
    pub async fn template<E, F>(&self, key: &str, build: F) -> Result<String, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&str) -> Result<(), E>,
    {
        let name = format!("template_{key}");
        let client = connect(&self.maintenance()?).await?;
        // A lock of the session: it is released when the client is dropped, however this function ends.
        let lock = format!("select pg_advisory_lock(hashtext('{name}'))");
        client.batch_execute(&lock).await.map_err(Error::database("lock the template"))?;
        let found = client
            .query_opt("select 1 from pg_database where datname = $1", &[&name])
            .await
            .map_err(Error::database("look for the template"))?;
        if found.is_none() {
            let unfinished = format!("unfinished_{key}");
            self.drop_database(&unfinished).await?;
            self.create_database(&unfinished).await?;
            build(&unfinished).await?;
            let rename = format!("alter database \"{unfinished}\" rename to \"{name}\"");
            when_unused(&client, &rename, "finish the template").await?;
        }
        Ok(name)
    }

    fn maintenance(&self) -> Result<PostgresUrl, Error> {
        self.database_url.parse()
    }

    async fn execute(&self, statement: &str, action: &str) -> Result<(), Error> {
        connect(&self.maintenance()?).await?.batch_execute(statement).await.map_err(Error::database(action))
    }
}

/// Executes a statement that PostgreSQL refuses while anybody is connected to the database; tries for 20 s.
async fn when_unused(client: &Client, statement: &str, action: impl Into<String>) -> Result<(), Error> {
    let every = ConstantBuilder::default().with_delay(Duration::from_millis(50)).with_max_times(400);
    (|| client.batch_execute(statement))
        .retry(every)
        .when(|error| error.code() == Some(&SqlState::OBJECT_IN_USE))
        .await
        .map_err(Error::database(action))
}
