//! Finds reservations that nobody confirmed in time and expires them.
//! The rule: the platform finds them, and an ordinary command in the order's organisation expires them; two replicas may
//! do it at the same time.

use std::time::Duration;

use kernel::OrderId;
use mediator::{Class, Classified, Mediator, Scope, SendError};
use service::{Part, Stage};

use crate::NAME;
use crate::commands::expire_reservations::ExpireReservations;
use crate::error::Error;
use crate::queries::due_reservations::FindDueReservations;

/// How many reservations one round takes at most; the next round follows at once when there are as many.
const BATCH: u32 = 500;

/// Expires what is due every `interval`. A round that fails is logged and tried again.
pub fn part(mediator: Mediator, interval: Duration) -> Part {
    Part::restarted(Stage::Consuming, "reservation sweep", move |stop| {
        let mediator = mediator.clone();
        service::every(interval, stop, move || round(mediator.clone()))
    })
}

/// One round; says whether there may be more.
async fn round(mediator: Mediator) -> bool {
    match expire_due(&mediator).await {
        Ok(found) => found >= BATCH as usize,
        Err(error) => {
            tracing::warn!(%error, "the sweep of reservations failed and is tried again");
            false
        }
    }
}

/// Expires the reservations that are due now, at most a batch, and gives the number that it found. One reservation that
/// cannot expire does not delay the others.
///
/// # Errors
/// The first error of the database or of a command; the next round tries again.
pub async fn expire_due(mediator: &Mediator) -> Result<usize, SendError<Error>> {
    let due = mediator.ask(&Scope::platform_system(NAME), FindDueReservations { limit: BATCH }).await?;
    let mut outcome = Ok(due.len());
    // They come sorted by organisation.
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
