//! Looks for reservations that nobody confirmed in time and lets them expire. The rule: finding is the system role's,
//! acting is an ordinary command in the order's organisation; two replicas may do it at once.

use std::time::Duration;

use kernel::OrderId;
use mediator::{Class, Classified, Mediator, Scope, SendError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::NAME;
use crate::commands::expire_reservations::ExpireReservations;
use crate::error::CatalogError;
use crate::store;

/// As many reservations as one look takes; the rest is due at once again.
const BATCH: usize = 500;

/// The running sweep.
#[derive(Debug)]
pub struct Sweep {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sweep {
    /// Starts looking every `interval`.
    #[must_use]
    pub fn start(mediator: Mediator, interval: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(mediator, interval, stopped));
        Self { stop, task }
    }

    /// Finishes the look that is under way and stops.
    pub async fn stop(self) {
        // Nobody listens any more when the task ended by itself.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the sweep of reservations ended abnormally");
        }
    }
}

async fn run(mediator: Mediator, interval: Duration, mut stopped: watch::Receiver<bool>) {
    loop {
        let found = match sweep(&mediator).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the sweep of reservations failed and is tried again");
                0
            }
        };
        let pause = if found == BATCH { Duration::ZERO } else { interval };
        if tokio::time::timeout(pause, stopped.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// Lets expire what is due now, at most a batch. Gives the number of reservations that it found. A reservation that
/// cannot expire holds up no other one.
///
/// # Errors
/// What the database or the command refused, the first of it; the next look tries again.
pub async fn sweep(mediator: &Mediator) -> Result<usize, SendError<CatalogError>> {
    let mut system = mediator.system().await.map_err(CatalogError::from)?;
    let due = store::reservations::due(system.connection(), BATCH).await?;
    system.commit().await.map_err(CatalogError::from)?;
    let mut outcome = Ok(due.len());
    // They come sorted by organisation.
    for group in due.chunk_by(|one, other| one.0 == other.0) {
        let Some((organisation, _)) = group.first() else { continue };
        let scope = Scope::system(NAME, *organisation);
        let orders: Vec<OrderId> = group.iter().map(|(_, order)| *order).collect();
        let refused = match mediator.send(&scope, ExpireReservations { orders: orders.clone() }).await {
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
        outcome = outcome.and(Err(refused));
    }
    outcome
}
