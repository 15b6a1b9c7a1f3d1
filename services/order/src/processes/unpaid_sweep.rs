//! Cancels the confirmed orders that nobody has paid for in time, which sets their stock free. The rule: as with deadlines, a platform query
//! finds them, ordinary commands in the order's organisation do it; any number of replicas may do it at once.

use std::time::Duration;

use mediator::{Mediator, Scope, SendError};
use service::{Part, Stage};

use super::deadline_sweep::{cancel_all, first_error};
use crate::{NAME, commands::CancelUnpaid, error::Error, queries::FindUnpaidHolds};

/// How often it looks: the time is one of minutes.
const INTERVAL: Duration = Duration::from_secs(5);
/// The most orders that one sweep takes; when it finds as many, the next one follows at once.
const BATCH: u16 = 500;

/// Looks every few seconds; never, where orders may stay unpaid.
#[must_use]
pub fn part(mediator: Mediator, after: Option<Duration>) -> Part {
    Part::restarted(Stage::Consuming, "sweep of unpaid orders", move |stop| {
        let mediator = mediator.clone();
        service::every(INTERVAL, stop, move || poll(mediator.clone(), after))
    })
}

/// One sweep; says whether there may be more to do.
async fn poll(mediator: Mediator, after: Option<Duration>) -> bool {
    let Some(after) = after else { return false };
    match sweep(&mediator, after).await {
        Ok(found) => found == usize::from(BATCH),
        Err(error) => {
            tracing::warn!(%error, "the sweep of unpaid orders failed and is tried again");
            false
        }
    }
}

/// Cancels what has been confirmed for so long and is not paid for, at most a batch, and returns the number of orders that it found.
///
/// # Errors
/// The first error of the database or a command; the next sweep tries again.
pub async fn sweep(mediator: &Mediator, after: Duration) -> Result<usize, SendError<Error>> {
    let unpaid = mediator.ask(&Scope::platform_system(NAME), FindUnpaidHolds { after, limit: BATCH }).await?;
    let mut outcome = Ok(unpaid.values().map(Vec::len).sum());
    for (organisation, orders) in unpaid {
        let cancelled = cancel_all(mediator, organisation, orders, |orders| CancelUnpaid { orders }).await;
        outcome = first_error(outcome, cancelled);
    }
    outcome
}
