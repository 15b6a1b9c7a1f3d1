//! Rebuilds the product counts from catalog's topic while the tree goes on being read.
//!
//! The database's clock is read before the topic's end. Every record that was on the topic by then touches the rows of
//! its product. A row that was not touched since that time is in no record and goes; what a live record writes
//! meanwhile is younger and stays. A row that claims a version which the topic never carried blocks its own correction:
//! it is dropped as untouched and comes back in a second reading. A product whose newest record is of a type that this
//! program does not know keeps its rows: compaction may have left no other record of it.

use std::collections::BTreeSet;

use contracts::catalog::ProductState;
use kernel::{OrganisationId, ProductId};
use mediator::{Mediator, Scope, SendError};
use messaging::{ReplayError, Replayed, Snapshot};
use serde_json::{Value, json};

use crate::{
    NAME,
    commands::{ApplyProducts, DropUntouchedProducts},
    error::Error,
    queries::{ListCountedOrganisations, ReadClock},
};

/// The name under which the operator asks for this rebuild.
pub const PRODUCT_COUNTS: &str = "product-counts";

/// What a rebuild did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Records that were read, repeated readings included.
    pub records: u64,
    /// Records that could not be read and were skipped. With any of them nothing is dropped.
    pub unreadable: u64,
    /// Records of types that this program does not know. Their products stay as they are.
    pub unknown: u64,
    /// Products that no record was about; they are gone, or came back as the topic has them.
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
pub enum RebuildError {
    /// The topic could not be read to its end, or a batch could not be applied.
    #[error("the product topic could not be replayed: {0}; run the rebuild again")]
    Replay(#[from] ReplayError<SendError<Error>>),
    /// The database refused something else.
    #[error("the rows that no record is about could not be dropped: {0}; run the rebuild again")]
    Drop(#[from] SendError<Error>),
}

/// Reads the whole topic and makes the counts what the topic says. `command` is the event door's translation of records.
///
/// # Errors
/// [`RebuildError`].
pub async fn product_counts(
    mediator: &Mediator,
    kafka: &messaging::Settings,
    command: impl Fn(Vec<Snapshot<ProductState>>) -> ApplyProducts,
) -> Result<Rebuilt, RebuildError> {
    let platform = Scope::platform_system(NAME);
    let since = mediator.ask(&platform, ReadClock).await?;
    let mut rebuilt = Rebuilt::default();
    let mut organisations = BTreeSet::new();
    let replayed = read(mediator, kafka, &command, &mut organisations).await?;
    rebuilt.add(&replayed);
    if rebuilt.unreadable > 0 {
        // A record that could not be read may be the only one about its product.
        return Ok(rebuilt);
    }
    organisations.append(&mut mediator.ask(&platform, ListCountedOrganisations).await?);
    for organisation in organisations {
        let unknown = replayed.unknown_aggregates.get(&organisation).into_iter().flatten();
        let unknown = unknown.map(|product| ProductId::from_uuid(*product)).collect();
        let drop = DropUntouchedProducts { since, unknown };
        rebuilt.dropped += mediator.send(&Scope::system(NAME, organisation), drop).await?;
    }
    if rebuilt.dropped > 0 {
        rebuilt.add(&read(mediator, kafka, &command, &mut BTreeSet::new()).await?);
    }
    Ok(rebuilt)
}

impl Rebuilt {
    fn add(&mut self, replayed: &Replayed) {
        self.records += replayed.records;
        self.unreadable += replayed.unreadable;
        self.unknown += replayed.unknown;
    }
}

async fn read(
    mediator: &Mediator,
    kafka: &messaging::Settings,
    command: impl Fn(Vec<Snapshot<ProductState>>) -> ApplyProducts,
    seen: &mut BTreeSet<OrganisationId>,
) -> Result<Replayed, ReplayError<SendError<Error>>> {
    messaging::replay(kafka, |snapshots: Vec<Snapshot<ProductState>>| {
        seen.extend(snapshots.iter().map(|snapshot| snapshot.organisation));
        let scope = Scope::batch(NAME, snapshots.iter().map(|snapshot| snapshot.organisation));
        let (mediator, command) = (mediator.clone(), command(snapshots));
        async move { mediator.send(&scope, command).await }
    })
    .await
}
