//! Publishes what can be sold of the SKUs that changed, and removes from the shop's cache the products that shoppers see changed.
//! The rules: a mark rests before it is taken, so a rush on a SKU is a few records a second, whatever number of replicas there
//! are; a mark that is seen is committed, so what the cache forgets then was there before the change; and the cache comes before
//! the mark goes, so whoever is killed between the two leaves the mark to the next one.

use std::time::Duration;

use kernel::{OrganisationId, ProductId};
use mediator::{Class, Classified, Mediator, Scope, SendError};
use service::{Part, Stage};

use crate::NAME;
use crate::commands::publish_availability::PublishAvailability;
use crate::domain::mark::Mark;
use crate::error::Error;
use crate::processes::invalidation::StaleProducts;
use crate::queries::availability_marks::FindMarks;

/// The pause between two looks, and how long a mark rests. A change is published within twice as long.
const INTERVAL: Duration = Duration::from_millis(200);
/// The marks that one transaction takes at most: it locks their stock meanwhile.
const BATCH: u32 = 200;
/// How long a publication waits for the cache. What Redis does not take by then is tried again, and published meanwhile.
const PATIENCE: Duration = Duration::from_millis(250);

/// Publishes what is marked, all the time. A round that fails is logged and tried again.
pub fn part(mediator: Mediator, stale: StaleProducts) -> Part {
    Part::restarted(Stage::Consuming, "availability", move |stop| {
        let (mediator, stale) = (mediator.clone(), stale.clone());
        service::every(INTERVAL, stop, move || round(mediator.clone(), stale.clone()))
    })
}

async fn round(mediator: Mediator, stale: StaleProducts) -> bool {
    if let Err(error) = publish_marked(&mediator, &stale).await {
        tracing::warn!(%error, "availability was not published and is tried again");
    }
    false
}

/// Goes through all marks that have rested, once: each SKU has its turn, however many others are marked again meanwhile. A SKU
/// that cannot be published does not hold up the others.
///
/// # Errors
/// The first error of the database or of a command; the marks stay, and the next round finds them.
pub async fn publish_marked(mediator: &Mediator, stale: &StaleProducts) -> Result<(), SendError<Error>> {
    let platform = Scope::platform_system(NAME);
    let rested = chrono::Duration::from_std(INTERVAL).unwrap_or_default();
    let (mut after, mut outcome) = (None, Ok(()));
    loop {
        let marks = mediator.ask(&platform, FindMarks { after, rested, limit: BATCH }).await?;
        let is_last = marks.len() < BATCH as usize;
        after = marks.last().cloned();
        if !marks.is_empty() {
            let turned: Vec<(OrganisationId, ProductId)> =
                marks.iter().filter_map(|mark| Some((mark.organisation, mark.turned?.1))).collect();
            let _too_late = tokio::time::timeout(PATIENCE, stale.note_and_wait(turned)).await;
            outcome = outcome.and(publish(mediator, marks).await);
        }
        if is_last {
            return outcome;
        }
    }
}

async fn publish(mediator: &Mediator, marks: Vec<Mark>) -> Result<(), SendError<Error>> {
    let scope = |marks: &[Mark]| Scope::batch(NAME, marks.iter().map(|mark| mark.organisation));
    let sent = mediator.send(&scope(&marks), PublishAvailability { marks: marks.clone() }).await;
    let Err(error) = sent else { return Ok(()) };
    if error.class() != Class::Transient && marks.len() > 1 {
        for mark in marks {
            let (organisation, sku) = (mark.organisation, mark.sku.clone());
            let one = vec![mark];
            if let Err(error) = mediator.send(&scope(&one), PublishAvailability { marks: one }).await {
                tracing::error!(%organisation, %sku, %error, "the availability of a SKU cannot be published");
            }
        }
    }
    Err(error)
}
