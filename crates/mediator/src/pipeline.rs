//! What happens around every command and query: authorise, trace and time, one transaction, the
//! recorded reply, the commit, the relay's wake-up.
//! The rule: a write runs in a task of its own, so a client that hangs up cuts nothing in half.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::Permission;
use futures::FutureExt;
use persistence::{Database, Error as StorageError, RecordedReply, ReplayKey, Tenancy, Tenant, Transaction, Tx};
use serde::Serialize;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::classified::{Class, Classified};
use crate::command::{Command, Query};
use crate::group::{Answer, Grouped, Groups};
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
    groups: Groups,
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
        Self { database, runtime: Handle::current(), groups: Groups::default() }
    }

    /// The database behind it, for parts that are neither command nor query (relay, readiness).
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// How many callers of this command wait for the next transaction: for a test that wants them to share it.
    #[doc(hidden)]
    #[must_use]
    pub fn waiting_in_group<C: Grouped>(&self) -> usize {
        self.groups.of::<C>().waiting()
    }

    /// Runs a command.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send<C: Command>(
        &self,
        scope: &Scope<C::Tenancy>,
        command: C,
    ) -> Result<C::Reply, SendError<C::Error>> {
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
    pub async fn send_once<C>(
        &self,
        scope: &Scope<C::Tenancy>,
        once: Once,
        command: C,
    ) -> Result<Recorded<C::Reply>, SendError<C::Error>>
    where
        C: Command,
        C::Reply: Serialize,
    {
        let database = self.database.clone();
        self.run::<C, _, _>(scope, move |scope| async move {
            let key = once.under::<C>(&scope);
            alone(&database, &scope, &command, key).await
        })
        .await
    }

    /// As [`Mediator::send_once`], in one transaction with others of this command that come at the same time. The key, the
    /// reply and the refusals of each are its own.
    ///
    /// # Errors
    /// As [`Mediator::send_once`].
    pub async fn send_once_grouped<C: Grouped>(
        &self,
        scope: &Scope<Tenant>,
        once: Once,
        command: C,
    ) -> Result<Recorded<C::Reply>, SendError<C::Error>> {
        let (database, runtime, group) = (self.database.clone(), self.runtime.clone(), self.groups.of::<C>());
        self.run::<C, _, _>(scope, move |scope| async move {
            let key = once.under::<C>(&scope);
            let command = Arc::new(command);
            match group.join(&runtime, &database, scope.clone(), Arc::clone(&command), key.clone()).await {
                Answer::Done(reply, body) => Ok(Recorded { body, reply: Some(reply) }),
                Answer::Refused(error) => recorded::<C>(&database, &scope, key, SendError::Failed(error)).await,
                Answer::Alone => alone(&database, &scope, &*command, key).await,
            }
        })
        .await
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn ask<Q: Query>(&self, scope: &Scope<Q::Tenancy>, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        authorise(scope, Q::REQUIRES)?;
        let started = Instant::now();
        let span = if scope.is_routine() {
            tracing::debug_span!("query", otel.name = Q::NAME, organisation = %scope.tenancy)
        } else {
            tracing::info_span!("query", otel.name = Q::NAME, organisation = %scope.tenancy)
        };
        let tenancy = scope.tenancy.clone();
        let database = self.database.clone();
        let work = async move {
            let transaction = database.begin_read(tenancy).await.map_err(Q::Error::from)?;
            transaction.run(move |mut read| async move { query.fetch(&mut read).await }.boxed()).await
        };
        let result: Result<Q::Reply, SendError<Q::Error>> = match self.runtime.spawn(work.instrument(span)).await {
            Ok(result) => result.map_err(SendError::Failed),
            Err(lost) => Err(SendError::Lost(lost.to_string())),
        };
        measure("query", Q::NAME, started, result.is_ok());
        result
    }

    async fn run<C, R, W>(
        &self,
        scope: &Scope<C::Tenancy>,
        work: impl FnOnce(Scope<C::Tenancy>) -> W,
    ) -> Result<R, SendError<C::Error>>
    where
        C: Command,
        R: Send + 'static,
        W: Future<Output = Result<R, SendError<C::Error>>> + Send + 'static,
    {
        authorise(scope, C::REQUIRES)?;
        let started = Instant::now();
        let span = command_span::<C>(scope);
        // Beside the command's own span, whose fields may be switched off.
        let asked = tracing::Span::current();
        let (actor, tenancy) = (scope.provenance.actor.clone(), scope.tenancy.clone());
        let mut scope = scope.clone();
        if let Some(traceparent) = crate::traceparent_of(&span) {
            scope.provenance.traceparent = Some(traceparent);
        }
        let result = match self.runtime.spawn(work(scope).instrument(span)).await {
            Ok(result) => result,
            Err(lost) => Err(SendError::Lost(lost.to_string())),
        };
        measure("command", C::NAME, started, result.is_ok());
        if result.is_ok() && C::REQUIRES.is_administrative() {
            tracing::info!(target: "audit", parent: &asked, command = C::NAME, actor, organisation = %tenancy, "done");
        }
        result
    }
}

/// A create in a transaction of its own.
async fn alone<C: Command<Reply: Serialize>>(
    database: &Database,
    scope: &Scope<C::Tenancy>,
    command: &C,
    key: ReplayKey,
) -> Result<Recorded<C::Reply>, SendError<C::Error>> {
    let recording = Recording { key: &key, write: |reply| serde_json::to_vec(reply) };
    match attempt(database, scope, command, Some(recording)).await {
        Ok((reply, body)) => Ok(Recorded { body: body.unwrap_or_default(), reply: Some(reply) }),
        Err(failed) => recorded::<C>(database, scope, key, failed).await,
    }
}

/// Whatever stopped a create, an earlier success under its key is the answer.
async fn recorded<C: Command>(
    database: &Database,
    scope: &Scope<C::Tenancy>,
    key: ReplayKey,
    failed: SendError<C::Error>,
) -> Result<Recorded<C::Reply>, SendError<C::Error>> {
    let found = match database.begin_read(scope.tenancy.clone()).await {
        Ok(read) => {
            read.run(move |mut read| async move { persistence::find_reply(&mut read, &key).await }.boxed()).await
        }
        Err(error) => Err(error),
    };
    match found {
        Ok(Some((reply, true))) => Ok(Recorded { body: reply.0, reply: None }),
        Ok(Some((_, false))) => Err(SendError::KeyReused),
        Ok(None) => Err(failed),
        Err(error) => Err(SendError::Failed(C::Error::from(error))),
    }
}

/// Runs a command inside a transaction that somebody else began and will end: the consumers, which
/// put inbox, parked keys and effects into one commit.
///
/// # Errors
/// [`SendError`]; the caller rolls back.
pub async fn execute_in<C: Command>(
    tx: &mut Tx<'_, C::Tenancy>,
    scope: &Scope<C::Tenancy>,
    command: &C,
) -> Result<C::Reply, SendError<C::Error>> {
    authorise(scope, C::REQUIRES)?;
    let started = Instant::now();
    let result = command.execute(tx).instrument(command_span::<C>(scope)).await;
    measure("command", C::NAME, started, result.is_ok());
    result.map_err(SendError::Failed)
}

/// A caller who belongs to an organisation acts in no other one, and on the platform only for their own account.
fn authorise<E>(scope: &Scope<impl Tenancy>, permission: Permission) -> Result<(), SendError<E>> {
    let own = scope.caller.organisation();
    let of_own_account = matches!(permission, Permission::AccountOwn | Permission::CustomerOwn);
    let own_account = of_own_account && scope.tenancy.organisation_id().is_none();
    let at_home = own.is_none() || own == scope.tenancy.organisation_id() || own_account;
    if at_home && scope.caller.may(permission) { Ok(()) } else { Err(SendError::Forbidden { permission }) }
}

/// Routine lookups of the system open debug spans only.
fn command_span<C: Command>(scope: &Scope<C::Tenancy>) -> tracing::Span {
    if scope.is_routine() {
        tracing::debug_span!("command", otel.name = C::NAME, organisation = %scope.tenancy)
    } else {
        tracing::info_span!("command", otel.name = C::NAME, organisation = %scope.tenancy)
    }
}

fn measure(kind: &'static str, name: &'static str, started: Instant, succeeded: bool) {
    let outcome = if succeeded { "ok" } else { "error" };
    metrics::histogram!("mediator_seconds", "kind" => kind, "name" => name, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
}

/// An error of one attempt, and whether a further attempt is safe and may help.
struct Failed<E> {
    error: SendError<E>,
    may_repeat: bool,
}

impl<E: From<StorageError>> Failed<E> {
    fn storage(error: StorageError, may_repeat: bool) -> Self {
        Self { error: SendError::Failed(E::from(error)), may_repeat }
    }
}

/// How the reply of a create is stored, inside the transaction that made it.
struct Recording<'k, R> {
    key: &'k ReplayKey,
    write: fn(&R) -> serde_json::Result<Vec<u8>>,
}

impl<R> Recording<'_, R> {
    fn body<E>(&self, reply: &R) -> Result<RecordedReply, Failed<E>> {
        (self.write)(reply).map(RecordedReply).map_err(|error| Failed {
            error: SendError::Lost(format!("the reply has no JSON form: {error}")),
            may_repeat: false,
        })
    }
}

async fn record<T: Tenancy, E: From<StorageError>>(
    transaction: &mut Transaction<T>,
    key: &ReplayKey,
    body: RecordedReply,
) -> Result<Vec<u8>, Failed<E>> {
    let organisation = transaction.organisation_id();
    match transaction.record_replies(&[(organisation, key, body.clone())]).await {
        Ok(()) => Ok(body.0),
        Err(StorageError::Locked(_)) => Err(Failed { error: SendError::KeyBusy, may_repeat: false }),
        Err(error) => {
            let may_repeat = matches!(error, StorageError::Collision(_));
            Err(Failed::storage(error, may_repeat))
        }
    }
}

/// A reply, and its body where it was recorded.
type Replied<C> = (<C as Command>::Reply, Option<Vec<u8>>);

/// Runs a command, again after a collision.
async fn attempt<C: Command>(
    database: &Database,
    scope: &Scope<C::Tenancy>,
    command: &C,
    recording: Option<Recording<'_, C::Reply>>,
) -> Result<Replied<C>, SendError<C::Error>> {
    let started = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let failed = match transact(database, scope, command, recording.as_ref()).await {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        if !failed.may_repeat || attempts >= ATTEMPTS || started.elapsed() > ATTEMPTS_WITHIN {
            return Err(failed.error);
        }
        metrics::counter!("mediator_repeats_total", "name" => C::NAME).increment(1);
        // Spread by the clock's low digits, so that two that collided do not meet again.
        let spread = u64::from(started.elapsed().subsec_nanos() % 7);
        tokio::time::sleep(Duration::from_millis((2 << attempts) + spread)).await;
    }
}

/// One attempt. After a failed COMMIT it is not known what happened, so only a reported collision may be repeated there.
async fn transact<C: Command>(
    database: &Database,
    scope: &Scope<C::Tenancy>,
    command: &C,
    recording: Option<&Recording<'_, C::Reply>>,
) -> Result<Replied<C>, Failed<C::Error>> {
    let begun = database.begin(scope.tenancy.clone(), scope.provenance.clone()).await;
    let mut transaction = begun.map_err(|error| Failed::storage(error, false))?;
    let executed = match command.execute(&mut transaction.tx()).await {
        Ok(reply) => match recording {
            Some(recording) => match recording.body(&reply) {
                Ok(body) => record(&mut transaction, recording.key, body).await.map(|body| (reply, Some(body))),
                Err(failed) => Err(failed),
            },
            None => Ok((reply, None)),
        },
        Err(error) => {
            let may_repeat = error.class() == Class::Transient;
            Err(Failed { error: SendError::Failed(error), may_repeat })
        }
    };
    match executed {
        Ok(result) => match transaction.commit().await {
            Ok(()) => Ok(result),
            Err(error) => {
                let may_repeat = matches!(error, StorageError::Collision(_));
                Err(Failed::storage(error, may_repeat))
            }
        },
        Err(failed) => {
            // The transaction is gone either way; a lost connection is thrown away by the pool.
            let _ = transaction.rollback().await;
            Err(failed)
        }
    }
}
