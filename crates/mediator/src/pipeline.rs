//! What happens around every command and query: authorise, trace and time, one transaction, the
//! recorded reply, the commit, the relay's wake-up.
//! The rule: a write runs in a task of its own, so a client that hangs up cuts nothing in half.

use std::future::Future;
use std::time::{Duration, Instant};

use access::Permission;
use futures::FutureExt;
use persistence::{Database, Error as StorageError, RecordedReply, ReplayKey, SystemTx, Tx};
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::classified::{Class, Classified};
use crate::command::{Command, Query};
use crate::recorded::{Once, Recorded};
use crate::scope::Scope;

/// How often a transaction is run before its error is handed on.
const ATTEMPTS: u32 = 5;
/// After this time no further attempt is begun.
const ATTEMPTS_WITHIN: Duration = Duration::from_secs(3);

/// The one way to a service's commands and queries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mediator {
    database: Database,
    // Connections are driven by the runtime that opened them, so all work runs on this one.
    runtime: Handle,
}

/// Why a command or query has no reply.
#[derive(Debug, thiserror::Error)]
pub enum SendError<E> {
    /// The caller lacks the permission that the command or query requires.
    #[error("this needs the permission {permission}, which the caller does not have")]
    Forbidden {
        /// The missing permission.
        permission: Permission,
    },
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for a different request; use a new key")]
    KeyReused,
    /// A request with the same idempotency key is still running.
    #[error("a request with this idempotency key is still running; repeat it in a moment")]
    KeyBusy,
    /// The task that ran the command ended without a result.
    #[error("the command ended without a result: {0}")]
    Lost(String),
    /// The command or query itself failed or refused.
    #[error(transparent)]
    Failed(#[from] E),
}

impl<E: Classified> Classified for SendError<E> {
    fn class(&self) -> Class {
        match self {
            SendError::Forbidden { .. } | SendError::KeyReused => Class::Refused,
            SendError::KeyBusy => Class::Transient,
            SendError::Lost(_) => Class::Permanent,
            SendError::Failed(error) => error.class(),
        }
    }
}

impl Mediator {
    /// A mediator whose transactions run on the runtime that this is called on.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, runtime: Handle::current() }
    }

    /// The database behind it, for parts that are neither command nor query (relay, readiness).
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Runs a command.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send<C: Command>(&self, scope: &Scope, command: C) -> Result<C::Reply, SendError<C::Error>> {
        let database = self.database.clone();
        self.run::<C, _, _>(scope, move |scope| async move {
            attempt(&database, &scope, &command, None).await.map(|(reply, _)| reply)
        })
        .await
    }

    /// Runs a create at most once under the caller's key; a repeat gets the recorded bytes.
    ///
    /// The command runs first and its reply is stored in the same transaction. Where the key is
    /// taken already that insert fails, everything is undone and the recorded reply is looked up.
    /// So the usual case costs no look-up, and a hundred repeats at once leave one effect.
    ///
    /// # Errors
    /// [`SendError`]; [`SendError::KeyReused`] and [`SendError::KeyBusy`] besides the command's own.
    pub async fn send_once<C: Command>(
        &self,
        scope: &Scope,
        once: Once<C::Reply>,
        command: C,
    ) -> Result<Recorded, SendError<C::Error>> {
        let database = self.database.clone();
        self.run::<C, _, _>(scope, move |scope| async move {
            let key = ReplayKey {
                principal: scope.provenance.actor.clone(),
                operation: C::NAME.to_owned(),
                idempotency_key: once.key.as_str().to_owned(),
                request_digest: once.request_digest,
            };
            let failed = match attempt(&database, &scope, &command, Some((&key, &once))).await {
                Ok((_, Some(reply))) => return Ok(recorded(reply, false)),
                Ok((_, None)) => SendError::Lost("no reply was recorded".to_owned()),
                Err(failed) => failed,
            };
            // Whatever stopped it, an earlier success under this key is the answer.
            let found = match database.begin_read(scope.organisation).await {
                Ok(read) => {
                    read.run(move |mut read| async move { persistence::find_reply(&mut read, &key).await }.boxed())
                        .await
                }
                Err(error) => Err(error),
            };
            match found {
                Ok(Some((reply, true))) => Ok(recorded(reply, true)),
                Ok(Some((_, false))) => Err(SendError::KeyReused),
                Ok(None) => Err(failed),
                Err(error) => Err(SendError::Failed(C::Error::from(error))),
            }
        })
        .await
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn ask<Q: Query>(&self, scope: &Scope, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        authorise(scope, Q::REQUIRES)?;
        let started = Instant::now();
        let span = tracing::info_span!("query", otel.name = Q::NAME, organisation = %scope.organisation);
        let organisation = scope.organisation;
        let database = self.database.clone();
        let work = async move {
            let transaction = database.begin_read(organisation).await.map_err(Q::Error::from)?;
            transaction.run(move |mut read| async move { query.fetch(&mut read).await }.boxed()).await
        };
        let result: Result<Q::Reply, SendError<Q::Error>> = match self.runtime.spawn(work.instrument(span)).await {
            Ok(result) => result.map_err(SendError::Failed),
            Err(lost) => Err(SendError::Lost(lost.to_string())),
        };
        measure("query", Q::NAME, started, result.is_ok());
        result
    }

    /// A transaction of the system role, for sweeps that then send ordinary commands.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn system(&self) -> Result<SystemTx, StorageError> {
        let database = self.database.clone();
        // On the main runtime, also when a server's worker asks: a connection lives where it was opened.
        let begun = self.runtime.spawn(async move { database.begin_system().await }).await;
        begun.unwrap_or_else(|lost| Err(StorageError::Unavailable(lost.to_string())))
    }

    async fn run<C, T, W>(&self, scope: &Scope, work: impl FnOnce(Scope) -> W) -> Result<T, SendError<C::Error>>
    where
        C: Command,
        T: Send + 'static,
        W: Future<Output = Result<T, SendError<C::Error>>> + Send + 'static,
    {
        authorise(scope, C::REQUIRES)?;
        let started = Instant::now();
        let span = command_span::<C>(scope);
        let mut scope = scope.clone();
        if let Some(traceparent) = crate::traceparent_of(&span) {
            scope.provenance.traceparent = Some(traceparent);
        }
        let result = match self.runtime.spawn(work(scope).instrument(span)).await {
            Ok(result) => result,
            Err(lost) => Err(SendError::Lost(lost.to_string())),
        };
        measure("command", C::NAME, started, result.is_ok());
        result
    }
}

/// Runs a command inside a transaction that somebody else began and will end: the consumers, which
/// put the commands of several organisations into one commit.
///
/// # Errors
/// [`SendError`]; the caller rolls back.
pub async fn execute_in<C: Command>(
    tx: &mut Tx<'_>,
    scope: &Scope,
    command: &C,
) -> Result<C::Reply, SendError<C::Error>> {
    authorise(scope, C::REQUIRES)?;
    let started = Instant::now();
    let result = command.execute(tx).instrument(command_span::<C>(scope)).await;
    measure("command", C::NAME, started, result.is_ok());
    result.map_err(SendError::Failed)
}

fn authorise<E>(scope: &Scope, permission: Permission) -> Result<(), SendError<E>> {
    if scope.caller.may(permission) { Ok(()) } else { Err(SendError::Forbidden { permission }) }
}

fn command_span<C: Command>(scope: &Scope) -> tracing::Span {
    tracing::info_span!("command", otel.name = C::NAME, organisation = %scope.organisation)
}

fn measure(kind: &'static str, name: &'static str, started: Instant, succeeded: bool) {
    let outcome = if succeeded { "ok" } else { "error" };
    metrics::histogram!("mediator_seconds", "kind" => kind, "name" => name, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
}

fn recorded(reply: RecordedReply, replayed: bool) -> Recorded {
    Recorded { status: reply.status, location: reply.location, body: reply.body, replayed }
}

type Attempted<C> = (<C as Command>::Reply, Option<RecordedReply>);

async fn attempt<C: Command>(
    database: &Database,
    scope: &Scope,
    command: &C,
    once: Option<(&ReplayKey, &Once<C::Reply>)>,
) -> Result<Attempted<C>, SendError<C::Error>> {
    let started = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (error, may_repeat) = match transact(database, scope, command, once).await {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        if !may_repeat || attempts >= ATTEMPTS || started.elapsed() > ATTEMPTS_WITHIN {
            return Err(error);
        }
        metrics::counter!("mediator_repeats_total", "name" => C::NAME).increment(1);
        // Spread by the clock's low digits, so that two that collided do not meet again.
        let spread = u64::from(started.elapsed().subsec_nanos() % 7);
        tokio::time::sleep(Duration::from_millis((2 << attempts) + spread)).await;
    }
}

/// One attempt; the flag says whether a further one is safe and may help. After a failed COMMIT it
/// is not known what happened, so only a reported collision is repeated there.
async fn transact<C: Command>(
    database: &Database,
    scope: &Scope,
    command: &C,
    once: Option<(&ReplayKey, &Once<C::Reply>)>,
) -> Result<Attempted<C>, (SendError<C::Error>, bool)> {
    let fail = |error: StorageError, repeat: bool| (SendError::Failed(C::Error::from(error)), repeat);
    let mut transaction =
        database.begin(scope.organisation, scope.provenance.clone()).await.map_err(|error| fail(error, false))?;
    let executed = command.execute(&mut transaction.tx()).await;
    let reply = match executed {
        Ok(reply) => reply,
        Err(error) => {
            let repeat = error.class() == Class::Transient;
            // The transaction is gone either way; a lost connection is thrown away by the pool.
            let _ = transaction.rollback().await;
            return Err((SendError::Failed(error), repeat));
        }
    };
    let mut recorded = None;
    if let Some((key, once)) = once {
        let body = serde_json::to_vec(&reply)
            .map_err(|error| (SendError::Lost(format!("the reply has no JSON form: {error}")), false))?;
        let stored = RecordedReply { status: once.status, location: (once.location)(&reply), body };
        if let Err(error) = transaction.record_reply(key, &stored).await {
            let _ = transaction.rollback().await;
            return Err(match error {
                StorageError::Locked(_) => (SendError::KeyBusy, false),
                other => {
                    let repeat = matches!(other, StorageError::Collision(_));
                    fail(other, repeat)
                }
            });
        }
        recorded = Some(stored);
    }
    match transaction.commit().await {
        Ok(()) => Ok((reply, recorded)),
        Err(error) => {
            let repeat = matches!(error, StorageError::Collision(_));
            Err(fail(error, repeat))
        }
    }
}
