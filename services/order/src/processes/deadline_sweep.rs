//! Looks for orders whose deadline has passed and cancels them. The rule: the system role finds them, an ordinary command
//! in the order's organisation cancels them; two replicas may do it at once.

use std::{collections::BTreeMap, time::Duration};

use kernel::{OrderId, OrganisationId};
use mediator::{Class, Classified, Mediator, Scope, SendError};
use tokio::{sync::watch, task::JoinHandle};

use crate::{NAME, commands::CancelOverdue, error::Error, store::sweeps};

/// The most orders that one look takes; the next look then follows at once.
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
            tracing::error!(%error, "the deadline sweep ended abnormally");
        }
    }
}

async fn run(mediator: Mediator, interval: Duration, mut stopped: watch::Receiver<bool>) {
    loop {
        let found = match sweep(&mediator).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the deadline sweep failed and is tried again");
                0
            }
        };
        let pause = if found == BATCH { Duration::ZERO } else { interval };
        if tokio::time::timeout(pause, stopped.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// Cancels what is overdue now, at most a batch, and returns the number of orders that it found. An order that cannot be
/// cancelled holds up no other one.
///
/// # Errors
/// The first error of the database or a command; the next look tries again.
pub async fn sweep(mediator: &Mediator) -> Result<usize, SendError<Error>> {
    let mut system = mediator.system().await.map_err(Error::from)?;
    let due = sweeps::overdue(&mut system, BATCH as i64).await?;
    system.commit().await.map_err(Error::from)?;
    let found = due.len();
    let mut by_organisation: BTreeMap<OrganisationId, Vec<OrderId>> = BTreeMap::new();
    for (organisation, order) in due {
        by_organisation.entry(organisation).or_default().push(order);
    }
    let mut outcome = Ok(found);
    for (organisation, orders) in by_organisation {
        let refused = match cancel(mediator, organisation, orders.clone()).await {
            Ok(()) => continue,
            Err(error) if error.class() == Class::Transient || orders.len() == 1 => error,
            Err(error) => {
                for order in orders {
                    if let Err(error) = cancel(mediator, organisation, vec![order]).await {
                        tracing::error!(%organisation, %order, %error, "an overdue order cannot be cancelled");
                    }
                }
                error
            }
        };
        outcome = outcome.and(Err(refused));
    }
    outcome
}

async fn cancel(
    mediator: &Mediator,
    organisation: OrganisationId,
    orders: Vec<OrderId>,
) -> Result<(), SendError<Error>> {
    let count = orders.len() as u64;
    let scope = Scope::system(NAME, organisation);
    mediator.send(&scope, CancelOverdue { orders }).await?;
    metrics::counter!("order_deadlines_total").increment(count);
    Ok(())
}
