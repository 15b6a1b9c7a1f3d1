//! Contract → command: what catalog says, in this service's words. The rule: only the shape changes here; nothing is
//! decided.

use std::collections::BTreeSet;

use contracts::catalog::{ProductState, ProductStatus};
use kernel::{CategoryId, ChannelCode, ProductId};
use messaging::Snapshot;

use crate::{commands::ApplyProducts, domain::ProductCopy};

/// Catalog's products become one command.
pub(super) fn apply_products(snapshots: Vec<Snapshot<ProductState>>, rebuild: bool) -> ApplyProducts {
    ApplyProducts { products: snapshots.into_iter().map(product).collect(), rebuild }
}

fn product(snapshot: Snapshot<ProductState>) -> ProductCopy {
    let (organisation, product, version) =
        (snapshot.organisation, ProductId::from_uuid(snapshot.key), snapshot.version);
    let there = snapshot.state.as_ref().filter(|state| !state.deleted);
    let (categories, active) =
        there.map_or_else(Default::default, |state| (categories(state).into_iter().collect(), is_in_the_shop(state)));
    ProductCopy { organisation, product, categories, active, version }
}

/// Whether the shop shows it: it is active, listed there, and a variant of it is sold.
fn is_in_the_shop(state: &ProductState) -> bool {
    let listed = state.channels.includes(&ChannelCode::shop());
    state.status == ProductStatus::Active && listed && state.variants.iter().any(|variant| variant.active)
}

/// Every category that the product stands in, each once.
fn categories(state: &ProductState) -> BTreeSet<CategoryId> {
    state.category.into_iter().chain(state.categories.iter().copied()).collect()
}
