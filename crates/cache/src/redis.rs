//! The way to Redis: shared connections, one time limit over everything, a breaker in front.
//! The rule: no caller waits longer than [`LIMIT`], whatever Redis does.
//!
//! Each runtime has connections of its own: a server's worker that hands its question to another thread and is woken by
//! it pays more for the two wake-ups than for the question. Callers share a connection; their questions travel together
//! and the answers come in order, so none waits for a free connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use bb8_redis::redis::aio::MultiplexedConnection;
use bb8_redis::redis::{Cmd, FromRedisValue, RedisError, cmd};
use tokio::runtime::{Handle, Id};

use crate::breaker::Breaker;

/// The time limit over check-out, connecting and answering.
pub(crate) const LIMIT: Duration = Duration::from_millis(20);

/// Why Redis has no answer. Nobody should fail because of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be read. What is wrong with it is not said: the words could be a part of the password.
    #[error("must be a URL such as redis://:password@host:6379")]
    Url,
    /// Redis failed several times in a row and is left alone for the moment.
    #[error("Redis is not asked at the moment, because it failed several times in a row")]
    Open,
    /// No answer within the time limit.
    #[error("Redis did not answer within {} milliseconds", LIMIT.as_millis())]
    TimedOut,
    /// Redis refused, or the connection broke.
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

/// A script that Redis keeps compiled.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) digest: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, digest: OnceLock::new() }
    }
}

impl Redis {
    /// Reads the URL; the first use on a runtime connects.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn open(url: &str) -> Result<Self, Error> {
        let connector = Connector(RedisConnectionManager::new(url).map_err(|_may_name_the_password| Error::Url)?);
        Ok(Self(Arc::new(Inner { connector, pools: RwLock::default(), breaker: Breaker::new() })))
    }

    /// The pool of the runtime that asks. Nothing panics while it holds the lock, so a poisoned one is as good.
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
                // Asks a flag, not the server: see `is_valid`.
                .test_on_check_out(true)
                .build_unchecked(self.0.connector.clone())
        };
        self.0.pools.write().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert_with(open).clone()
    }

    /// Runs one command.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.within_limit(async |connection: &mut MultiplexedConnection| command.query_async(connection).await).await
    }

    /// Runs a script by its digest; loads it when Redis does not know it (any more).
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<T, Error> {
        let call = |digest: &str| {
            let mut call = cmd("EVALSHA");
            call.arg(digest).arg(keys.len());
            for key in keys {
                call.arg(*key);
            }
            for argument in arguments {
                call.arg(*argument);
            }
            call
        };
        self.within_limit(async |connection: &mut MultiplexedConnection| {
            if let Some(digest) = script.digest.get() {
                match call(digest).query_async(connection).await {
                    Err(error) if error.code() == Some("NOSCRIPT") => {}
                    answer => return answer,
                }
            }
            let digest: String = cmd("SCRIPT").arg("LOAD").arg(script.text).query_async(connection).await?;
            let answer = call(&digest).query_async(connection).await;
            // Another caller may have been first; the digest is the same.
            let _ignored = script.digest.set(digest);
            answer
        })
        .await
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
            // Given back at once: the next caller sends on it while this one waits for its answer.
            drop(link);
            work(&mut connection).await.map_err(Error::Failed)
        };
        let outcome = match tokio::time::timeout(LIMIT, asking).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Error::TimedOut),
        };
        match &outcome {
            Ok(_) => self.0.breaker.succeeded(),
            Err(error) => {
                // What Redis itself refused came over a connection that is well.
                let refused = matches!(error, Error::Failed(error) if error.code().is_some());
                if let Some(broken) = used.filter(|_| !refused) {
                    broken.store(true, Ordering::Relaxed);
                }
                metrics::counter!("redis_failures_total").increment(1);
                self.0.breaker.failed(attempt, &error.to_string());
            }
        }
        outcome
    }
}

/// Opens connections and throws away those that failed: bb8-redis itself takes every connection for whole, so one that
/// broke would come back for ever.
#[derive(Clone)]
struct Connector(RedisConnectionManager);

/// A connection that several callers use at once.
struct Link {
    connection: MultiplexedConnection,
    /// Set by whoever had no answer on it; those who still wait for theirs are left to their time limits.
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
