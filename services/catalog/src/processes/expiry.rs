//! Finds reservations that nobody confirmed in time and expires them.
//! The rule: the platform finds them, and an ordinary command in the order's organisation expires them; two replicas may
//! do it at the same time.

use std::time::Duration;

use kernel::OrderId;
use mediator::{Class, Classified, Mediator, Scope, SendError};
use service::{CancellationToken, Part, Stage};

use crate::NAME;
use crate::commands::expire_reservations::ExpireReservations;
use crate::error::Error;
use crate::queries::due_reservations::{DueReservation, FindDueReservations};

/// How many reservations are looked for at once.
const BATCH: u32 = 500;

/// Expires what is due every `interval`. A round that fails is logged and tried again.
pub fn part(mediator: Mediator, interval: Duration) -> Part {
    Part::restarted(Stage::Consuming, "reservation sweep", move |stop| {
        let (mediator, stopped) = (mediator.clone(), stop.clone());
        service::every(interval, stop, move || round(mediator.clone(), stopped.clone()))
    })
}

/// One round; what is left of it is in the hands of others, so there is no use in another one at once.
async fn round(mediator: Mediator, stop: CancellationToken) -> bool {
    if let Err(error) = expire_due(&mediator, &stop).await {
        tracing::warn!(%error, "the sweep of reservations failed and is tried again");
    }
    false
}

/// Expires the reservations that are due now, batch by batch, until it is told to stop. Those that cannot expire, however many, or that
/// somebody else has locked, do not delay the others.
///
/// # Errors
/// The first error of the database or of a command; the next round tries again.
pub async fn expire_due(mediator: &Mediator, stop: &CancellationToken) -> Result<(), SendError<Error>> {
    let (mut after, mut outcome) = (None, Ok(()));
    loop {
        let due = mediator.ask(&Scope::platform_system(NAME), FindDueReservations { after, limit: BATCH }).await?;
        after = due.last().copied().filter(|_| due.len() >= BATCH as usize);
        outcome = outcome.and(expire_batch(mediator, &due).await);
        if after.is_none() || stop.is_cancelled() {
            return outcome;
        }
    }
}

/// Expires the reservations of a batch, which are in the order of their organisations.
async fn expire_batch(mediator: &Mediator, due: &[DueReservation]) -> Result<(), SendError<Error>> {
    let mut outcome = Ok(());
    for group in due.chunk_by(|one, other| one.organisation == other.organisation) {
        let Some(organisation) = group.first().map(|one| one.organisation) else { continue };
        let scope = Scope::system(NAME, organisation);
        let orders: Vec<OrderId> = group.iter().map(|one| one.order).collect();
        let failure = match mediator.send(&scope, ExpireReservations { orders: orders.clone() }).await {
            Ok(()) => continue,
            Err(error) if error.class() == Class::Transient || orders.len() == 1 => error,
            Err(error) => {
                for order in orders {
                    if let Err(error) = mediator.send(&scope, ExpireReservations { orders: vec![order] }).await {
                        tracing::error!(%organisation, %order, %error, "a reservation cannot expire");
                    }
                }
                error
            }
        };
        outcome = outcome.and(Err(failure));
    }
    outcome
}
