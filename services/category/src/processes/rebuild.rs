//! Rebuilds the product counts from catalog's topic while the tree goes on being read, by the rule of [`messaging::Rebuild`].

use contracts::catalog::ProductState;
use kernel::ProductId;
use mediator::Mediator;
use messaging::{Rebuild, Snapshot};

use crate::{
    NAME,
    commands::{ApplyProducts, DropUntouchedProducts},
    error::Error,
    queries::{ListCountedOrganisations, ReadClock},
};

pub use messaging::Rebuilt;

/// The name under which the operator asks for this rebuild.
pub const PRODUCT_COUNTS: &str = "product-counts";

/// Why a rebuild ended early. What it did so far is correct, and it can be run again.
pub type RebuildError = messaging::RebuildError<Error>;

/// Reads the whole topic and makes the counts what the topic says. `apply` is the event door's translation of records.
///
/// # Errors
/// [`RebuildError`].
pub async fn product_counts(
    mediator: &Mediator,
    kafka: &messaging::Settings,
    apply: impl Fn(Vec<Snapshot<ProductState>>) -> ApplyProducts,
) -> Result<Rebuilt, RebuildError> {
    let rebuild = Rebuild {
        service: NAME,
        clock: ReadClock,
        holders: ListCountedOrganisations,
        apply,
        drop: |since, unknown: Vec<uuid::Uuid>| DropUntouchedProducts {
            since,
            unknown: unknown.into_iter().map(ProductId::from_uuid).collect(),
        },
    };
    rebuild.run(mediator, kafka).await
}
