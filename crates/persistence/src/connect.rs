//! Opening a connection: its options by purpose, and what is known about whether PostgreSQL answers at all.
//! The rules: PostgreSQL itself keeps reads from writing (`default_transaction_read_only`), and every statement has a time
//! limit. While PostgreSQL is known to be away, an attempt to connect fails at once; four times a second one is made.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use kernel::Breaker;
use tokio_postgres::error::SqlState;

use crate::error::Error;

/// The longest that an attempt to connect may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Failed attempts in a row, each begun after the one before, after which PostgreSQL is taken for away.
const FAILURES: u32 = 2;
/// How long it is left alone then, before one caller may try.
const PAUSE: Duration = Duration::from_millis(250);

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

impl Purpose {
    /// What the pool of it is called in metrics and errors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::System => "system",
            Self::Session => "session",
            Self::Migrate => "migrate",
        }
    }
}

/// The way to one PostgreSQL, shared by everything of a service that connects to it.
#[derive(Debug)]
pub(crate) struct Server(Breaker);

impl Default for Server {
    fn default() -> Self {
        Self(Breaker::new(FAILURES, PAUSE))
    }
}

impl Server {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`Error::Away`] at once while PostgreSQL is known to be away, otherwise [`Error::Unavailable`] within
    /// [`CONNECT_WITHIN`].
    pub(crate) async fn connect(&self, url: &str, schema: &str, purpose: Purpose) -> Result<AsyncPgConnection, Error> {
        let Some(attempt) = self.0.admits() else { return Err(Error::Away) };
        let outcome = open(url, schema, purpose).await;
        match &outcome {
            Err(Failed::Unanswered(reason)) => {
                if self.0.failed(attempt) {
                    tracing::warn!(
                        "PostgreSQL does not answer and is asked four times a second until it does: {reason}"
                    );
                }
            }
            Ok(_) | Err(Failed::Refused(_)) => {
                if self.0.succeeded() {
                    tracing::info!("PostgreSQL answers again");
                }
            }
        }
        outcome.map_err(|failed| Error::Unavailable(ConnectionError::from(failed).to_string()))
    }
}

/// Why there is no connection.
enum Failed {
    /// Nobody answered, or the server starts or stops.
    Unanswered(String),
    /// The server answered and refused: a wrong password, too many connections.
    Refused(ConnectionError),
}

impl From<Failed> for ConnectionError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unanswered(reason) => Self::BadConnection(reason),
            Failed::Refused(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(cause: tokio_postgres::Error) -> Self {
        // The source names the cause; the URL, which holds a password, is never part of it.
        let detail = std::error::Error::source(&cause).map(|source| format!(": {source}"));
        let reason = format!("{cause}{}", detail.unwrap_or_default());
        let stops = [SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
        match cause.code() {
            Some(code) if !stops.contains(code) => Self::Refused(ConnectionError::BadConnection(reason)),
            Some(_) | None => Self::Unanswered(reason),
        }
    }
}

/// A connection for what runs once, beside every service: nothing is remembered about the server.
pub(crate) async fn connect_once(
    url: &str,
    schema: &str,
    purpose: Purpose,
) -> Result<AsyncPgConnection, ConnectionError> {
    open(url, schema, purpose).await.map_err(ConnectionError::from)
}

async fn open(url: &str, schema: &str, purpose: Purpose) -> Result<AsyncPgConnection, Failed> {
    let invalid = |wrong| ConnectionError::InvalidConnectionUrl(format!("the database's address {wrong}"));
    let mut config = driver_settings(url).map_err(invalid).map_err(Failed::Refused)?;
    let limits = match purpose {
        // The counts of facets group what a filter finds; with less they are written to disk on the way.
        Purpose::Read => "-c default_transaction_read_only=on -c statement_timeout=10s -c work_mem=16MB",
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
    // Compiling a statement takes longer than any statement here runs. And reading at random costs about what reading in a row does,
    // in memory or on a solid-state disk; the default, four times as much, has PostgreSQL read whole tables past their indexes.
    let planner = "-c jit=off -c random_page_cost=1.1";
    let given = config.get_options().unwrap_or_default();
    config
        .options(format!("{given} -c search_path=\"{schema}\" {limits}{idle} {planner} {keepalive}"))
        .application_name(format!("cyber-store {schema}"))
        .connect_timeout(CONNECT_WITHIN)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    // The driver's own limit ends with the TCP handshake; a server that is stopped accepts and says nothing.
    let opening = async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await.map_err(Failed::Refused)
    };
    let late = || Failed::Unanswered(format!("no answer within {} seconds", CONNECT_WITHIN.as_secs()));
    tokio::time::timeout(CONNECT_WITHIN, opening).await.unwrap_or_else(|_elapsed| Err(late()))
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
