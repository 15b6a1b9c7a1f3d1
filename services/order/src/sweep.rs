//! Looks for orders whose deadline has passed and calls them off. The rule: finding is the system role's, acting is an
//! ordinary command in the order's organisation; two replicas may do it at once.

use std::{collections::BTreeMap, time::Duration};

use kernel::{OrderId, OrganisationId};
use mediator::{Class, Classified, Mediator, Scope, SendError};
use tokio::{sync::watch, task::JoinHandle};

use crate::{NAME, commands::CancelOverdue, error::Error, settled::Settled, store::sweeps};

/// As many orders as one look takes; the rest is due at once again.
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
    pub fn start(mediator: Mediator, settled: Settled, interval: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(mediator, settled, interval, stopped));
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

async fn run(mediator: Mediator, settled: Settled, interval: Duration, mut stopped: watch::Receiver<bool>) {
    loop {
        let found = match sweep(&mediator, &settled).await {
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

/// Calls off what is overdue now, at most a batch. Gives the number of orders that it found. An order that cannot be
/// called off holds up no other one.
///
/// # Errors
/// What the database or the command refused, the first of it; the next look tries again.
pub async fn sweep(mediator: &Mediator, settled: &Settled) -> Result<usize, SendError<Error>> {
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
        let refused = match call_off(mediator, settled, organisation, orders.clone()).await {
            Ok(()) => continue,
            Err(error) if error.class() == Class::Transient || orders.len() == 1 => error,
            Err(error) => {
                for order in orders {
                    if let Err(error) = call_off(mediator, settled, organisation, vec![order]).await {
                        tracing::error!(%organisation, %order, %error, "an overdue order cannot be called off");
                    }
                }
                error
            }
        };
        outcome = outcome.and(Err(refused));
    }
    outcome
}

async fn call_off(
    mediator: &Mediator,
    settled: &Settled,
    organisation: OrganisationId,
    orders: Vec<OrderId>,
) -> Result<(), SendError<Error>> {
    let count = orders.len() as u64;
    let scope = Scope::system(NAME, organisation);
    mediator.send(&scope, CancelOverdue { orders, settled: settled.clone() }).await?;
    metrics::counter!("order_deadlines_total").increment(count);
    settled.committed();
    Ok(())
}
