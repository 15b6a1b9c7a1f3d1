//! Cancels the orders whose deadline has passed. The rule: a platform query finds them, an ordinary command in the
//! order's organisation cancels them; two replicas may do it at once.

use std::time::Duration;

use kernel::{OrderId, OrganisationId};
use mediator::{Class, Classified, Mediator, Scope, SendError};
use service::{Part, Stage};

use crate::{NAME, commands::CancelOverdue, error::Error, queries::FindOverdueOrders};

/// The most orders that one sweep takes; when it finds as many, the next one follows at once.
const BATCH: u16 = 500;

/// Checks for overdue orders every `interval`.
#[must_use]
pub fn part(mediator: Mediator, interval: Duration) -> Part {
    Part::restarted(Stage::Consuming, "deadline sweep", move |stop| {
        let mediator = mediator.clone();
        service::every(interval, stop, move || poll(mediator.clone()))
    })
}

/// One sweep; says whether there may be more to cancel.
async fn poll(mediator: Mediator) -> bool {
    match sweep(&mediator).await {
        Ok(found) => found == usize::from(BATCH),
        Err(error) => {
            tracing::warn!(%error, "the deadline sweep failed and is tried again");
            false
        }
    }
}

/// Cancels what is overdue now, at most a batch, and returns the number of orders that it found. One order that cannot
/// be cancelled does not delay the others.
///
/// # Errors
/// The first error of the database or a command; the next sweep tries again.
pub async fn sweep(mediator: &Mediator) -> Result<usize, SendError<Error>> {
    let overdue = mediator.ask(&Scope::platform_system(NAME), FindOverdueOrders { limit: BATCH }).await?;
    let mut outcome = Ok(overdue.values().map(Vec::len).sum());
    for (organisation, orders) in overdue {
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
    mediator.send(&Scope::system(NAME, organisation), CancelOverdue { orders }).await?;
    metrics::counter!("order_deadlines_total").increment(count);
    Ok(())
}
