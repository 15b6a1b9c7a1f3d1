//! Measures how much waits to be placed, and removes what was decided long ago. Any number of replicas may do it at once.

use std::time::Duration;

use mediator::{Mediator, Scope, SendError};
use service::{Part, Stage};

use crate::{NAME, commands::ClearIntake, error::Error, queries::MeasureIntake};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long what became of an order is kept: longer than whoever queued it asks for.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Looks every few seconds.
#[must_use]
pub fn part(mediator: Mediator) -> Part {
    Part::restarted(Stage::Consuming, "intake sweep", move |stop| {
        let mediator = mediator.clone();
        service::every(INTERVAL, stop, move || poll(mediator.clone()))
    })
}

/// One look; says whether there may be more to remove.
async fn poll(mediator: Mediator) -> bool {
    match sweep(&mediator).await {
        Ok(leaves_more) => leaves_more,
        Err(error) => {
            tracing::warn!(%error, "the sweep of the intake failed and is tried again");
            false
        }
    }
}

/// Measures what waits and removes some of what was decided long ago; whether there may be more of that.
///
/// # Errors
/// Those of the database; the next sweep tries again.
pub async fn sweep(mediator: &Mediator) -> Result<bool, SendError<Error>> {
    let system = Scope::platform_system(NAME);
    let queue = mediator.ask(&system, MeasureIntake).await?;
    // Counts stay far below the 2^53 up to which this is exact.
    metrics::gauge!("order_intake_waiting").set(queue.waiting as f64);
    metrics::gauge!("order_intake_oldest_seconds").set(queue.oldest_seconds);
    mediator.send(&system, ClearIntake { kept: KEPT }).await
}
