//! Rebuilds this service's own copies, of the catalog and of who may do what, from their topics while orders go on being placed, by the
//! rule of [`messaging::Rebuild`].

use contracts::{auth::MembershipState, catalog::ProductState};
use kernel::{MembershipId, ProductId};
use mediator::Mediator;
use messaging::{Rebuild, Snapshot};

use crate::{
    NAME,
    commands::{ApplyMembers, ApplyProducts, DropUntouchedMembers, DropUntouchedProducts},
    error::Error,
    queries::{ListSellingOrganisations, ListStaffedOrganisations, ReadClock},
};

pub use messaging::Rebuilt;

/// The name under which the operator asks for the copy of the catalog to be rebuilt.
pub const SELLABLE: &str = "sellable";
/// The same for the copy of who may do what.
pub const MEMBERS: &str = "members";

/// Why a rebuild ended early. What it did so far is correct, and it can be run again.
pub type RebuildError = messaging::RebuildError<Error>;

/// Reads the whole topic of products and makes the copy what the topic says. `apply` is the event door's translation of records.
///
/// # Errors
/// [`RebuildError`].
pub async fn sellable(
    mediator: &Mediator,
    kafka: &messaging::Settings,
    apply: impl Fn(Vec<Snapshot<ProductState>>) -> ApplyProducts,
) -> Result<Rebuilt, RebuildError> {
    let rebuild = Rebuild {
        service: NAME,
        clock: ReadClock,
        holders: ListSellingOrganisations,
        apply,
        drop: |since, unknown: Vec<uuid::Uuid>| DropUntouchedProducts {
            since,
            unknown: unknown.into_iter().map(ProductId::from_uuid).collect(),
        },
    };
    rebuild.run(mediator, kafka).await
}

/// As [`sellable`], with the topic of memberships and the copy of who may do what.
///
/// # Errors
/// [`RebuildError`].
pub async fn members(
    mediator: &Mediator,
    kafka: &messaging::Settings,
    apply: impl Fn(Vec<Snapshot<MembershipState>>) -> ApplyMembers,
) -> Result<Rebuilt, RebuildError> {
    let rebuild = Rebuild {
        service: NAME,
        clock: ReadClock,
        holders: ListStaffedOrganisations,
        apply,
        drop: |since, unknown: Vec<uuid::Uuid>| DropUntouchedMembers {
            since,
            unknown: unknown.into_iter().map(MembershipId::from_uuid).collect(),
        },
    };
    rebuild.run(mediator, kafka).await
}
