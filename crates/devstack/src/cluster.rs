//! The three servers of a test run, and databases on them: one cluster for the run, one database per test.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use crate::Error;
use crate::bootstrap::{self, DatabaseRole, Passwords, connect};
use crate::postgres_url::PostgresUrl;

/// Addresses of a PostgreSQL, a Redis and a Kafka that tests may fill with whatever they like.
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

    /// Makes an empty database with every service's schema in it.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        let maintenance = self.maintenance()?;
        bootstrap::roles(&maintenance, &Passwords::for_tests()).await?;
        self.execute(&format!("create database \"{name}\""), "create a database").await?;
        bootstrap::schemas(&maintenance.with_database(name), &Passwords::for_tests()).await
    }

    /// Makes a copy of a template, which nobody may be connected to (waited for up to 20 s).
    ///
    /// # Errors
    /// When PostgreSQL refuses or the template stays in use.
    pub async fn copy_database(&self, name: &str, template: &str) -> Result<(), Error> {
        let client = connect(&self.maintenance()?).await?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match client.batch_execute(&format!("create database \"{name}\" template \"{template}\"")).await {
                Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                // Connection grants are not copied with a template; privileges inside are.
                Ok(()) => {
                    return bootstrap::schemas(&self.maintenance()?.with_database(name), &Passwords::for_tests()).await;
                }
                Err(error) => return Err(Error::database(format!("copy {template} as {name}"))(error)),
            }
        }
    }

    /// Removes a database, whoever is connected to it.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.execute(&format!("drop database if exists \"{name}\" with (force)"), "drop a database").await
    }

    /// The name of a database made once by `build` for this key, whoever asks first, in whichever process.
    ///
    /// `build` gets the name of a new database with every service's schema and migrates it; it must close its
    /// connections. Put everything that decides the outcome into the key: it is asked for by it, never compared.
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
        // A lock of the session: it falls when the client is dropped, on every way out.
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
            let deadline = Instant::now() + Duration::from_secs(20);
            while let Err(error) = client.batch_execute(&rename).await {
                if error.code() != Some(&SqlState::OBJECT_IN_USE) || Instant::now() > deadline {
                    return Err(Error::database("finish the template")(error).into());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
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
