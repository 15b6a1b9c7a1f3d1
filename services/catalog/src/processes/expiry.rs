//! Finds reservations that nobody confirmed in time and expires them.
//! The rule: finding is the platform's, expiring is an ordinary command in the order's organisation; two replicas may do
//! it at the same time.

use std::time::Duration;

use kernel::OrderId;
use mediator::{Class, Classified, Mediator, Scope, SendError};
use tokio_util::sync::CancellationToken;

use crate::NAME;
use crate::commands::expire_reservations::ExpireReservations;
use crate::error::Error;
use crate::store;

/// How many reservations one round takes at most; the next round follows at once when there are as many.
const BATCH: usize = 500;

/// Expires what is due every `interval`, until `stop`; the round that is under way is finished.
pub async fn run(mediator: Mediator, interval: Duration, stop: CancellationToken) {
    loop {
        let found = match expire_due(&mediator).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the sweep of reservations failed and is tried again");
                0
            }
        };
        let pause = if found == BATCH { Duration::ZERO } else { interval };
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// Expires the reservations that are due now, at most a batch, and gives the number that it found. A reservation that
/// cannot expire holds up no other one.
///
/// # Errors
/// The first error of the database or of a command; the next round tries again.
pub async fn expire_due(mediator: &Mediator) -> Result<usize, SendError<Error>> {
    let mut system = mediator.system().await.map_err(Error::from)?;
    let due = store::reservations::due(system.connection(), BATCH).await?;
    system.commit().await.map_err(Error::from)?;
    let mut outcome = Ok(due.len());
    // They come sorted by organisation.
    for group in due.chunk_by(|one, other| one.0 == other.0) {
        let Some((organisation, _)) = group.first() else { continue };
        let scope = Scope::system(NAME, *organisation);
        let orders: Vec<OrderId> = group.iter().map(|(_, order)| *order).collect();
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
