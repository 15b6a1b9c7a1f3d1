//! Rebuilds this service's own copy of the catalog from its topic while orders go on being placed.
//!
//! The database's clock is read before the topic's end. Every record that was on the topic by then touches its product's
//! rows; what is older than that and was not touched is in no record and goes. A live record that arrives meanwhile is
//! younger and stays. A row that claims a version which the topic never carried blocks its own correction, is dropped as
//! untouched, and comes back in a second reading. A product whose newest record is of a type that this program does not
//! know keeps its rows: compaction may have left nothing else of it.

use std::collections::BTreeSet;

use contracts::catalog::ProductState;
use kernel::{OrganisationId, ProductId, Timestamp};
use mediator::{Mediator, Scope, SendError};
use messaging::{ReplayError, Replayed, Snapshot};
use serde_json::{Value, json};

use crate::{NAME, commands::DropUntouchedProducts, error::Error, events::consumed, store::sweeps};

/// The name under which the operator asks for this rebuild.
pub const SELLABLE: &str = "sellable";

/// What a rebuild did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Records that were read, repeated readings included.
    pub records: u64,
    /// Records that could not be read and were passed by. With any of them nothing is dropped.
    pub unreadable: u64,
    /// Records of types that this program does not know. Their products stay as they are.
    pub unknown: u64,
    /// Products that no record spoke of; they are gone, or came back as the topic has them.
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

/// Why a rebuild ended early. What it did so far is right, and it can be run again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The topic could not be read to its end, or a batch could not be applied.
    #[error("the product topic could not be replayed: {0}; run the rebuild again")]
    Replay(#[from] ReplayError<SendError<Error>>),
    /// The database refused something else.
    #[error("the rows that no record speaks of could not be dropped: {0}; run the rebuild again")]
    Drop(#[from] SendError<Error>),
}

/// Reads the whole topic and makes the copy what the topic says.
///
/// # Errors
/// [`RebuildError`].
pub async fn sellable(mediator: &Mediator, settings: &messaging::Settings) -> Result<Rebuilt, RebuildError> {
    let since = begin(mediator).await?;
    let mut rebuilt = Rebuilt::default();
    let mut seen = BTreeSet::new();
    let replayed = read(mediator, settings, &mut seen).await?;
    rebuilt.add(&replayed);
    if rebuilt.unreadable > 0 {
        // What could not be read may be all that speaks of a product.
        return Ok(rebuilt);
    }
    for organisation in organisations(mediator, seen).await? {
        let scope = Scope::system(NAME, organisation);
        let unknown = replayed.unknown_aggregates.get(&organisation).into_iter().flatten();
        let kept = unknown.map(|product| ProductId::from_uuid(*product)).collect();
        rebuilt.dropped += mediator.send(&scope, DropUntouchedProducts { since, kept }).await?;
    }
    if rebuilt.dropped > 0 {
        rebuilt.add(&read(mediator, settings, &mut BTreeSet::new()).await?);
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
    settings: &messaging::Settings,
    seen: &mut BTreeSet<OrganisationId>,
) -> Result<Replayed, ReplayError<SendError<Error>>> {
    messaging::replay(settings, |organisation, snapshots: Vec<Snapshot<ProductState>>| {
        seen.insert(organisation);
        let mediator = mediator.clone();
        async move {
            let scope = Scope::system(NAME, organisation);
            mediator.send(&scope, consumed::apply_products(snapshots, true)).await
        }
    })
    .await
}

async fn begin(mediator: &Mediator) -> Result<Timestamp, SendError<Error>> {
    let mut system = mediator.system().await.map_err(Error::from)?;
    let now = sweeps::now(&mut system).await?;
    system.commit().await.map_err(Error::from)?;
    Ok(now)
}

async fn organisations(
    mediator: &Mediator,
    mut seen: BTreeSet<OrganisationId>,
) -> Result<BTreeSet<OrganisationId>, SendError<Error>> {
    let mut system = mediator.system().await.map_err(Error::from)?;
    seen.extend(sweeps::selling_organisations(&mut system).await?);
    system.commit().await.map_err(Error::from)?;
    Ok(seen)
}
