//! The way to Redis: a small pool, one time limit over everything, a breaker in front.
//! The rule: no caller waits longer than [`LIMIT`], whatever Redis does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use bb8_redis::redis::aio::MultiplexedConnection;
use bb8_redis::redis::{Cmd, FromRedisValue, RedisError, cmd};
use tokio::runtime::Handle;

use crate::breaker::Breaker;

/// The time limit over check-out, connecting and answering.
pub(crate) const LIMIT: Duration = Duration::from_millis(20);

/// Why Redis has no answer. Nobody should fail because of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be read.
    #[error("the Redis URL cannot be used: {0}")]
    Url(RedisError),
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

/// A pool of connections to one Redis. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: bb8::Pool<Connector>,
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
    /// Prepares the pool; the first use connects. Connections are driven by the runtime that this is
    /// called on.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn open(url: &str) -> Result<Self, Error> {
        let inner = RedisConnectionManager::new(url).map_err(Error::Url)?;
        let manager = Connector { inner, runtime: Handle::current() };
        let pool = bb8::Pool::builder()
            .max_size(16)
            .min_idle(Some(0))
            .connection_timeout(LIMIT)
            // The default pings on every check-out: a round trip, and a hang when Redis is stopped.
            .test_on_check_out(false)
            .build_unchecked(manager);
        Ok(Self(Arc::new(Inner { pool, breaker: Breaker::new() })))
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
        if !self.0.breaker.admits() {
            return Err(Error::Open);
        }
        let attempt = async {
            let mut link = self.0.pool.get().await.map_err(|error| match error {
                bb8::RunError::User(error) => Error::Failed(error),
                bb8::RunError::TimedOut => Error::TimedOut,
            })?;
            // Broken until proven otherwise: when the limit strikes, this future is dropped here.
            link.broken = true;
            let answer = work(&mut link.connection).await?;
            link.broken = false;
            Ok(answer)
        };
        let outcome = match tokio::time::timeout(LIMIT, attempt).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Error::TimedOut),
        };
        match &outcome {
            Ok(_) => self.0.breaker.succeeded(),
            Err(error) => {
                metrics::counter!("redis_failures_total").increment(1);
                self.0.breaker.failed(&error.to_string());
            }
        }
        outcome
    }
}

/// Opens connections on the main runtime and throws away those that failed: bb8-redis itself takes
/// every connection for whole, so one that broke would come back for ever.
struct Connector {
    inner: RedisConnectionManager,
    runtime: Handle,
}

pub(crate) struct Link {
    connection: MultiplexedConnection,
    broken: bool,
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
        let manager = self.inner.clone();
        let connecting = async move { bb8::ManageConnection::connect(&manager).await };
        match self.runtime.spawn(connecting).await {
            Ok(connected) => connected.map(|connection| Link { connection, broken: false }),
            Err(lost) => Err(std::io::Error::other(lost).into()),
        }
    }

    async fn is_valid(&self, _link: &mut Link) -> Result<(), RedisError> {
        // Never called: nothing is tested on check-out.
        Ok(())
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.broken
    }
}
