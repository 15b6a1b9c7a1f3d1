//! Making a service's own copy of a state topic anew from the topic, while the service goes on with it.
//!
//! The database's clock is read before the topic's end. Every record that was on the topic by then touches the rows of
//! its aggregate. A row that was not touched since that time is in no record and goes; what a live record writes
//! meanwhile is younger and stays. A row that claims a version which the topic never carried blocks its own correction:
//! it is dropped as untouched and comes back in a second reading. An aggregate whose newest record is of a type that this
//! program does not know keeps its rows: compaction may have left no other record of it.

use std::collections::BTreeSet;

use contracts::Channel;
use kernel::{OrganisationId, Timestamp};
use mediator::{Classified, Command, Mediator, Platform, Query, Scope, SendError, Tenant, Tenants};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::delivery::Snapshot;
use crate::replay::{ReplayError, Replayed, replay};
use crate::settings::Settings;

/// How a service makes its copy of a state topic anew.
#[derive(Debug, Clone, Copy)]
pub struct Rebuild<C, H, A, D> {
    /// The service's name.
    pub service: &'static str,
    /// Asks for the time by the database's clock.
    pub clock: C,
    /// Asks for every organisation that the copy has rows of.
    pub holders: H,
    /// The command that brings what the topic says, also where the row claims the very version. It is the event door's
    /// translation of records.
    pub apply: A,
    /// The command that removes what no record has touched since a time but for these aggregates, and says how many there were.
    pub drop: D,
}

/// What a rebuild did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Records that were read, repeated readings included.
    pub records: u64,
    /// Records that could not be read and were skipped. With any of them nothing is dropped.
    pub unreadable: u64,
    /// Records of types that this program does not know. What they are about stays as it is.
    pub unknown: u64,
    /// Aggregates that no record was about; they are gone, or came back as the topic has them.
    pub dropped: i64,
}

impl From<Rebuilt> for Value {
    fn from(rebuilt: Rebuilt) -> Self {
        json!({
            "records": rebuilt.records,
            "unreadable": rebuilt.unreadable,
            "unknown": rebuilt.unknown,
            "dropped": rebuilt.dropped,
        })
    }
}

/// Why a rebuild ended early. What it did so far is correct, and it can be run again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError<E> {
    /// The topic could not be read to its end, or a batch could not be applied.
    #[error("the topic could not be replayed: {0}; run the rebuild again")]
    Replay(ReplayError<SendError<E>>),
    /// The database refused something else.
    #[error("the rows that no record is about could not be dropped: {0}; run the rebuild again")]
    Drop(#[from] SendError<E>),
}

impl<C, H, A, D> Rebuild<C, H, A, D> {
    /// Reads the whole topic of `S` and makes the copy what the topic says.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn run<S, Applied, Dropped, E>(
        self,
        mediator: &Mediator,
        kafka: &Settings,
    ) -> Result<Rebuilt, RebuildError<E>>
    where
        S: Channel,
        C: Query<Tenancy = Platform, Reply = Timestamp, Error = E>,
        H: Query<Tenancy = Platform, Reply = BTreeSet<OrganisationId>, Error = E>,
        A: Fn(Vec<Snapshot<S>>) -> Applied,
        Applied: Command<Tenancy = Tenants, Reply = (), Error = E>,
        D: Fn(Timestamp, Vec<Uuid>) -> Dropped,
        Dropped: Command<Tenancy = Tenant, Reply = i64, Error = E>,
        E: Classified,
    {
        let Self { service, clock, holders, apply, drop } = self;
        let platform = Scope::platform_system(service);
        let since = mediator.ask(&platform, clock).await?;
        let mut rebuilt = Rebuilt::default();
        let mut organisations = BTreeSet::new();
        let replayed = read(service, mediator, kafka, &apply, &mut organisations).await?;
        rebuilt.add(&replayed);
        if rebuilt.unreadable > 0 {
            // A record that could not be read may be the only one about its aggregate.
            return Ok(rebuilt);
        }
        organisations.append(&mut mediator.ask(&platform, holders).await?);
        for organisation in organisations {
            let unknown = replayed.unknown_aggregates.get(&organisation).into_iter().flatten().copied().collect();
            let untouched = drop(since, unknown);
            rebuilt.dropped += mediator.send(&Scope::system(service, organisation), untouched).await?;
        }
        if rebuilt.dropped > 0 {
            rebuilt.add(&read(service, mediator, kafka, &apply, &mut BTreeSet::new()).await?);
        }
        Ok(rebuilt)
    }
}

impl Rebuilt {
    fn add(&mut self, replayed: &Replayed) {
        self.records += replayed.records;
        self.unreadable += replayed.unreadable;
        self.unknown += replayed.unknown;
    }
}

async fn read<S, Applied>(
    service: &'static str,
    mediator: &Mediator,
    kafka: &Settings,
    apply: impl Fn(Vec<Snapshot<S>>) -> Applied,
    seen: &mut BTreeSet<OrganisationId>,
) -> Result<Replayed, RebuildError<Applied::Error>>
where
    S: Channel,
    Applied: Command<Tenancy = Tenants, Reply = ()>,
{
    let replayed = replay(kafka, |snapshots: Vec<Snapshot<S>>| {
        seen.extend(snapshots.iter().map(|snapshot| snapshot.organisation));
        let scope = Scope::batch(service, snapshots.iter().map(|snapshot| snapshot.organisation));
        let (mediator, command) = (mediator.clone(), apply(snapshots));
        async move { mediator.send(&scope, command).await }
    });
    replayed.await.map_err(RebuildError::Replay)
}
