//! The subscription table: which topics this service listens to, and which command each record becomes. A rebuild
//! translates records likewise.

pub mod consumed;

use access::Organisations;
use contracts::{
    auth::MembershipState,
    catalog::{ProductState, ReservationEvent},
    notifier::ActionEvent,
    order::IntakeEvent,
};
use mediator::Mediator;
use messaging::Subscriptions;

use crate::processes::rebuild::{self, RebuildError, Rebuilt};

/// What this service listens to. `organisations` is the table by which requests are refused.
#[must_use]
pub fn subscriptions(organisations: &Organisations) -> Subscriptions {
    let organisations = organisations.clone();
    Subscriptions::new(crate::NAME)
        .on_batch::<IntakeEvent, _, _>(move |events| consumed::place_queued(events, organisations.clone()))
        .on_batch::<ReservationEvent, _, _>(consumed::settle_orders)
        .on_batch::<ActionEvent, _, _>(consumed::take_asked_steps)
        .on_state::<MembershipState, _, _>(|snapshots| consumed::apply_members(snapshots, false))
        .on_state::<ProductState, _, _>(|snapshots| consumed::apply_products(snapshots, false))
}

/// Rebuilds the copy of the catalog from its topic ([`rebuild::sellable`]).
///
/// # Errors
/// [`RebuildError`].
pub fn rebuild_sellable(
    mediator: &Mediator,
    kafka: &messaging::Settings,
) -> impl Future<Output = Result<Rebuilt, RebuildError>> {
    rebuild::sellable(mediator, kafka, |snapshots| consumed::apply_products(snapshots, true))
}

/// Rebuilds the copy of who may do what from its topic ([`rebuild::members`]).
///
/// # Errors
/// [`RebuildError`].
pub fn rebuild_members(
    mediator: &Mediator,
    kafka: &messaging::Settings,
) -> impl Future<Output = Result<Rebuilt, RebuildError>> {
    rebuild::members(mediator, kafka, |snapshots| consumed::apply_members(snapshots, true))
}
