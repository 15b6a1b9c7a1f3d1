//! Group commit: creates that arrive while a transaction runs share the next one.
//! The rule: a member of a group keeps its own organisation, reply, recorded key and refusal. What fails for a whole group
//! is tried again for each member alone, so that nobody suffers from somebody else's request.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use kernel::OrganisationId;
use mutants::Mutant;
use persistence::{
    Database, Error as StorageError, Provenance, RecordedReply, ReplayKey, Tenancy, Tenant, Tenants, Transaction, Tx,
};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::command::Command;
use crate::scope::Scope;

/// Members of one transaction. More would make the first of them wait for the last.
const MOST: usize = 64;

/// A create whose callers may share a transaction.
pub trait Grouped: Command<Tenancy = Tenant, Reply: Serialize> + Sized {
    /// Does it for every member, in a fixed number of statements: a reply or a refusal for each, in the same order. A
    /// member that is refused has no effect. An error is one of the whole group, which is then undone.
    fn execute_group<T: Tenancy>(
        tx: &mut Tx<'_, T>,
        members: &[Member<'_, Self>],
    ) -> impl Future<Output = Results<Self>> + Send;
}

/// A reply or a refusal for each member of a group, or the error of the whole group.
pub type Results<C> = Result<Vec<Result<<C as Command>::Reply, <C as Command>::Error>>, <C as Command>::Error>;

/// A group of one: how a grouped command runs in a transaction of its own.
///
/// # Errors
/// The command's own.
pub async fn group_of_one<C: Grouped>(command: &C, tx: &mut Tx<'_>) -> Result<C::Reply, C::Error> {
    let provenance = tx.provenance().clone();
    let member = Member { organisation: tx.organisation(), provenance: &provenance, command };
    let nothing = || StorageError::Defect(format!("{} has no result for its one member", C::NAME));
    C::execute_group(tx, &[member]).await?.pop().ok_or_else(nothing)?
}

/// One caller's command in a group.
#[derive(Debug)]
pub struct Member<'m, C> {
    /// Whose rows it is about.
    pub organisation: OrganisationId,
    /// Who asks, and as part of what.
    pub provenance: &'m Provenance,
    /// What is asked for.
    pub command: &'m C,
}

/// What a group has for one of its members.
pub(crate) enum Answer<C: Command> {
    /// Done and committed: the reply, and its body as it was recorded.
    Done(C::Reply, Vec<u8>),
    /// Refused, without an effect.
    Refused(C::Error),
    /// The group as a whole did not succeed: the member is to try alone.
    Alone,
}

/// The groups of one mediator, one per command.
#[derive(Clone, Default)]
pub(crate) struct Groups(Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    /// The group of a command.
    pub(crate) fn of<C: Grouped>(&self) -> Arc<Group<C>> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(TypeId::of::<C>()).or_insert_with(|| Arc::new(Group::<C>::default()));
        Arc::clone(group).downcast().unwrap_or_default()
    }
}

/// The callers of one command that wait for a transaction.
pub(crate) struct Group<C: Grouped> {
    waiting: Mutex<Waiting<C>>,
}

impl<C: Grouped> Default for Group<C> {
    fn default() -> Self {
        Self { waiting: Mutex::new(Waiting { members: Vec::new(), is_running: false }) }
    }
}

struct Waiting<C: Grouped> {
    members: Vec<Joined<C>>,
    /// Whether somebody takes the members that wait.
    is_running: bool,
}

struct Joined<C: Grouped> {
    scope: Scope<Tenant>,
    command: Arc<C>,
    key: ReplayKey,
    answer: oneshot::Sender<Answer<C>>,
}

impl<C: Grouped> Group<C> {
    /// Joins the next transaction and waits for its end. With nobody before it, that is a transaction at once.
    pub(crate) async fn join(
        self: Arc<Self>,
        runtime: &Handle,
        database: &Database,
        scope: Scope<Tenant>,
        command: Arc<C>,
        key: ReplayKey,
    ) -> Answer<C> {
        let (answer, answered) = oneshot::channel();
        let begin = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.members.push(Joined { scope, command, key, answer });
            !std::mem::replace(&mut waiting.is_running, true)
        };
        if begin {
            let (group, database) = (Arc::clone(&self), database.clone());
            runtime.spawn(async move { group.run(&database).await });
        }
        answered.await.unwrap_or(Answer::Alone)
    }

    /// How many callers wait for the next transaction.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).members.len()
    }

    /// Takes members until none waits.
    async fn run(&self, database: &Database) {
        loop {
            let members = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let count = waiting.members.len().min(MOST);
                let members: Vec<Joined<C>> = waiting.members.drain(..count).collect();
                waiting.is_running = !members.is_empty();
                members
            };
            if members.is_empty() {
                return;
            }
            #[expect(clippy::cast_precision_loss, reason = "a group has few members")]
            metrics::histogram!("mediator_group_members", "name" => C::NAME).record(members.len() as f64);
            // A command that panics here panics again in the transaction of its own member, who hears of it.
            let answers = match AssertUnwindSafe(transact(database, &members)).catch_unwind().await {
                Ok(Ok(answers)) => answers,
                Ok(Err(error)) => {
                    tracing::debug!(%error, name = C::NAME, "a group was undone; each of its members is tried alone");
                    Vec::new()
                }
                Err(_) => Vec::new(),
            };
            if answers.is_empty() {
                metrics::counter!("mediator_groups_undone_total", "name" => C::NAME).increment(1);
            }
            let mut answers = answers.into_iter();
            for member in members {
                let _ = member.answer.send(answers.next().unwrap_or(Answer::Alone));
            }
        }
    }
}

/// One transaction for all of them. An error undoes everything; after a failed COMMIT it is not known what happened, and
/// the key of each member's reply decides.
async fn transact<C: Grouped>(database: &Database, joined: &[Joined<C>]) -> Result<Vec<Answer<C>>, C::Error> {
    let Some(first) = joined.first() else { return Ok(Vec::new()) };
    let tenancy = Tenants::new(joined.iter().map(|member| member.scope.organisation()));
    let mut transaction = match joined {
        [_] => database.begin(tenancy, first.scope.provenance.clone()).await?,
        _ => database.begin_shared(tenancy, first.scope.provenance.clone()).await?,
    };
    match execute(&mut transaction, joined).await {
        Ok(answers) => {
            transaction.commit().await?;
            if mutants::is_on(Mutant::KeyElsewhere) {
                tokio::time::sleep(mutants::PAUSE).await;
            }
            Ok(answers)
        }
        Err(error) => {
            // At once, since the members are about to write the same rows alone.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

async fn execute<C: Grouped>(
    transaction: &mut Transaction<Tenants>,
    joined: &[Joined<C>],
) -> Result<Vec<Answer<C>>, C::Error> {
    // A key that was used before would undo the whole group, and so would the same key twice: those members go alone.
    let keys: Vec<_> = joined.iter().map(|member| (member.scope.organisation(), &member.key)).collect();
    let mut alone = transaction.replayed(&keys).await?;
    for (position, (organisation, key)) in keys.iter().enumerate() {
        let same = |other: &&(OrganisationId, &ReplayKey)| other.0 == *organisation && other.1.is_same(key);
        if keys.iter().take(position).any(|other| same(&other)) {
            alone.insert(position);
        }
    }
    let grouped: Vec<&Joined<C>> =
        joined.iter().enumerate().filter(|(position, _)| !alone.contains(position)).map(|(_, member)| member).collect();
    let members: Vec<Member<'_, C>> = grouped
        .iter()
        .map(|member| Member {
            organisation: member.scope.organisation(),
            provenance: &member.scope.provenance,
            command: &*member.command,
        })
        .collect();
    let results = C::execute_group(&mut transaction.tx(), &members).await?;
    let mut replies = Vec::with_capacity(results.len());
    let mut answers = Vec::with_capacity(results.len());
    for (member, result) in grouped.iter().zip(results) {
        answers.push(match result {
            Ok(reply) => {
                let body = serde_json::to_vec(&reply)
                    .map_err(|error| StorageError::Defect(format!("the reply has no JSON form: {error}")))?;
                replies.push((Some(member.scope.organisation()), &member.key, RecordedReply(body.clone())));
                Answer::Done(reply, body)
            }
            Err(refused) => Answer::Refused(refused),
        });
    }
    // The mutant dies before the transaction in which it would.
    if !mutants::is_on(Mutant::KeyElsewhere) {
        transaction.record_replies(&replies).await?;
    }
    let mut answers = answers.into_iter();
    let answer = |position| if alone.contains(&position) { None } else { answers.next() };
    Ok((0..joined.len()).map(answer).map(|answer| answer.unwrap_or(Answer::Alone)).collect())
}
