//! Connections: how each kind is opened, pooled and recycled.
//! The rule: PostgreSQL itself keeps reads from writing (`default_transaction_read_only`), and every statement has a time
//! limit.

use std::time::Duration;

use bb8::Pool;
use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
};
use futures::FutureExt;

pub(crate) type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;
pub(crate) type Pooled = bb8::PooledConnection<'static, Manager>;

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

pub(crate) fn pool(url: &str, schema: &str, purpose: Purpose, size: u32) -> Pool<Manager> {
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
