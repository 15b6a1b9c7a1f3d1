//! The way to Redis: shared connections, one time limit over everything, a breaker in front.
//! The rule: no caller waits longer than [`LIMIT`], whatever Redis does.
//!
//! Each runtime has connections of its own: with a connection that another thread drives, a server's worker pays more
//! for waking that thread and being woken by it than for the command itself. Callers share a connection: their commands
//! are pipelined and the replies come in order, so nobody waits for a free connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use bb8_redis::redis::aio::MultiplexedConnection;
use bb8_redis::redis::{Cmd, FromRedisValue, RedisError, ScriptInvocation};
use kernel::Breaker;
use tokio::runtime::{Handle, Id};

/// The time limit over check-out, connecting and answering.
pub(crate) const LIMIT: Duration = Duration::from_millis(20);

/// Failures in a row that make Redis be left alone.
const FAILURES: u32 = 5;
/// How long it is left alone before one caller may try.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no reply from Redis. No caller should fail because of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be parsed. The parser's message is left out, because it may quote the password.
    #[error("must be a URL such as redis://:password@host:6379")]
    Url,
    /// The breaker is open: Redis failed several times in a row.
    #[error("Redis is not asked at the moment, because it failed several times in a row")]
    Open,
    /// No reply within the time limit.
    #[error("Redis did not answer within {} milliseconds", LIMIT.as_millis())]
    TimedOut,
    /// Redis replied with an error, or the connection broke.
    #[error("Redis failed: {0}")]
    Failed(#[from] RedisError),
}

/// Connections per runtime; a second one is opened when the first is being replaced.
const CONNECTIONS: u32 = 2;

/// The connections to one Redis. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connector: Connector,
    pools: RwLock<HashMap<Id, bb8::Pool<Connector>>>,
    breaker: Breaker,
}

impl Redis {
    /// Parses the URL. The first use on a runtime connects.
    ///
    /// # Errors
    /// When the URL cannot be parsed.
    pub fn open(url: &str) -> Result<Self, Error> {
        let connector = Connector(RedisConnectionManager::new(url).map_err(|_may_name_the_password| Error::Url)?);
        Ok(Self(Arc::new(Inner { connector, pools: RwLock::default(), breaker: Breaker::new(FAILURES, PAUSE) })))
    }

    /// The pool of the current runtime. Nothing panics while it holds the lock, so a poisoned lock is still good.
    fn pool(&self) -> bb8::Pool<Connector> {
        let id = Handle::current().id();
        if let Some(pool) = self.0.pools.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return pool.clone();
        }
        let open = || {
            bb8::Pool::builder()
                .max_size(CONNECTIONS)
                .min_idle(Some(0))
                .connection_timeout(LIMIT)
                // Checks a flag, not the server: see `is_valid`.
                .test_on_check_out(true)
                .build_unchecked(self.0.connector.clone())
        };
        self.0.pools.write().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert_with(open).clone()
    }

    /// Runs one command.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.within_limit(async |connection: &mut MultiplexedConnection| command.query_async(connection).await).await
    }

    /// Runs a script by its digest; Redis is sent the text only when it does not know the script (any more).
    pub(crate) async fn script<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, Error> {
        self.within_limit(async |connection: &mut MultiplexedConnection| call.invoke_async(connection).await).await
    }

    async fn within_limit<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Error> {
        let Some(attempt) = self.0.breaker.admits() else { return Err(Error::Open) };
        let mut used = None;
        let asking = async {
            let link = self.pool().get_owned().await.map_err(|error| match error {
                bb8::RunError::User(error) => Error::Failed(error),
                bb8::RunError::TimedOut => Error::TimedOut,
            })?;
            let mut connection = link.connection.clone();
            used = Some(link.broken.clone());
            // Returned at once: the next caller sends on it while this one waits for its reply.
            drop(link);
            work(&mut connection).await.map_err(Error::Failed)
        };
        let outcome = match tokio::time::timeout(LIMIT, asking).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Error::TimedOut),
        };
        match &outcome {
            Ok(_) => {
                if self.0.breaker.succeeded() {
                    tracing::info!("Redis answers again");
                }
            }
            Err(error) => {
                // An error reply from Redis came over a healthy connection.
                let refused = matches!(error, Error::Failed(error) if error.code().is_some());
                if let Some(broken) = used.filter(|_| !refused) {
                    broken.store(true, Ordering::Relaxed);
                }
                metrics::counter!("redis_failures_total").increment(1);
                if self.0.breaker.failed(attempt) {
                    tracing::warn!(
                        "Redis failed {FAILURES} times in a row and is left alone for a second at a time: {error}"
                    );
                }
            }
        }
        outcome
    }
}

/// Opens connections and drops those that failed: bb8-redis itself never takes a connection for broken, so a broken one
/// would stay in the pool for ever.
#[derive(Clone)]
struct Connector(RedisConnectionManager);

/// A connection that several callers use at once.
struct Link {
    connection: MultiplexedConnection,
    /// Set by a caller that got no reply on it. Callers that still wait on it run into their own time limits.
    broken: Arc<AtomicBool>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.write_str("Connector")
    }
}

impl bb8::ManageConnection for Connector {
    type Connection = Link;
    type Error = RedisError;

    async fn connect(&self) -> Result<Link, RedisError> {
        let connection = bb8::ManageConnection::connect(&self.0).await?;
        Ok(Link { connection, broken: Arc::default() })
    }

    async fn is_valid(&self, link: &mut Link) -> Result<(), RedisError> {
        // Never a round trip: with a stopped Redis that would be a hang.
        if link.broken.load(Ordering::Relaxed) {
            return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
        }
        Ok(())
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.broken.load(Ordering::Relaxed)
    }
}
