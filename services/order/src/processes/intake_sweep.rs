//! Measures how much waits to be placed, asks again for the turn of what waits too long, and removes what was decided long ago. Any number of
//! replicas may do it at once.

use std::time::Duration;

use mediator::{Mediator, Platform, Scope, SendError};
use service::{Part, Stage};

use crate::{
    NAME,
    commands::{AskAgain, ClearIntake},
    error::Error,
    queries::{FindStalledIntake, MeasureIntake},
};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long what became of an order is kept: longer than whoever queued it asks for.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// How long an order waits until its turn is asked for again. A discarded dead letter, or a topic that lost its records, would otherwise
/// leave it waiting for ever.
const STALLED: Duration = Duration::from_secs(600);
/// The most orders that one look asks for. The rest has to wait for the next look, so that a queue that is only long gets little longer.
const ASKED_AT_ONCE: u16 = 500;

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

/// Measures what waits, asks for what waits too long, and removes some of what was decided long ago; whether there may be more of that.
///
/// # Errors
/// Those of the database; the next sweep tries again.
pub async fn sweep(mediator: &Mediator) -> Result<bool, SendError<Error>> {
    let system = Scope::platform_system(NAME);
    let queue = mediator.ask(&system, MeasureIntake).await?;
    // Counts stay far below the 2^53 up to which this is exact.
    metrics::gauge!("order_intake_waiting").set(queue.waiting as f64);
    metrics::gauge!("order_intake_oldest_seconds").set(queue.oldest_seconds);
    let asked = ask_again(mediator, &system).await;
    let leaves_more = mediator.send(&system, ClearIntake { kept: KEPT }).await?;
    asked.map(|()| leaves_more)
}

/// Asks again for the turn of orders whose event is gone.
async fn ask_again(mediator: &Mediator, system: &Scope<Platform>) -> Result<(), SendError<Error>> {
    let stalled = mediator.ask(system, FindStalledIntake { after: STALLED, limit: ASKED_AT_ONCE }).await?;
    for (organisation, orders) in stalled {
        let asked = mediator.send(&Scope::system(NAME, organisation), AskAgain { orders, after: STALLED }).await?;
        tracing::warn!(%organisation, asked, "queued orders have waited too long, and their turn is asked for again");
    }
    Ok(())
}
