//! The subscription table: which topics this service listens to, and which command each record becomes. A rebuild
//! translates records likewise.

mod consumed;

use contracts::catalog::ProductState;
use mediator::Mediator;
use messaging::Subscriptions;

use crate::processes::rebuild::{self, RebuildError, Rebuilt};

/// What this service listens to.
#[must_use]
pub fn subscriptions() -> Subscriptions {
    Subscriptions::new(crate::NAME)
        .on_state::<ProductState, _, _>(|snapshots| consumed::apply_products(snapshots, false))
}

/// Rebuilds the product counts from catalog's topic ([`rebuild::product_counts`]).
///
/// # Errors
/// [`RebuildError`].
pub fn rebuild_product_counts(
    mediator: &Mediator,
    kafka: &messaging::Settings,
) -> impl Future<Output = Result<Rebuilt, RebuildError>> {
    rebuild::product_counts(mediator, kafka, |snapshots| consumed::apply_products(snapshots, true))
}
