//! Publishes what can be sold of the SKUs that changed, and removes from the shop's cache the products that shoppers see changed.
//! The rules: a mark rests before it is taken, so a rush on a SKU is a few records a second, whatever number of replicas there
//! are; a mark that is seen is committed, so what the cache forgets then was there before the change; and the cache comes before
//! the mark goes, so whoever is killed between the two leaves the mark to the next one.
//!
//! Of a long queue, as the first one after an upgrade is, batches of the queue and of the newest marks take turns: what somebody
//! changes now is published within a second, and the queue gets shorter all the same. Newest ones alone would let a crowd of SKUs
//! that change all the time keep the others from their turn.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use kernel::{OrganisationId, ProductId, Sku};
use mediator::{Class, Classified, Mediator, Scope, SendError};
use service::{Part, Stage};

use crate::NAME;
use crate::commands::publish_availability::{Locked, PublishAvailability};
use crate::domain::mark::Mark;
use crate::error::Error;
use crate::processes::invalidation::StaleProducts;
use crate::queries::availability_marks::{FindMarks, MarkOrder};

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
/// that cannot be published, or that somebody else has locked, does not hold up the others.
///
/// # Errors
/// The first error of the database or of a command; the marks stay, and the next round finds them.
pub async fn publish_marked(mediator: &Mediator, stale: &StaleProducts) -> Result<(), SendError<Error>> {
    let (mut after, mut outcome, mut locked) = (None, Ok(()), BTreeMap::new());
    loop {
        let marks = find(mediator, MarkOrder::Behind(after)).await?;
        let is_last = marks.len() < BATCH as usize;
        after = marks.last().cloned();
        outcome = outcome.and(publish(mediator, stale, marks, &mut locked).await);
        if is_last {
            break;
        }
        let newest = find(mediator, MarkOrder::Newest).await?;
        outcome = outcome.and(publish(mediator, stale, newest, &mut locked).await);
    }
    // Whoever has a row locked for long has an old mark; SKUs that are only wanted by everybody have new ones, and go first.
    let mut locked: Vec<Mark> = locked.into_values().collect();
    locked.sort_by_key(|mark| Reverse(mark.marked_at));
    outcome.and(publish_locked(mediator, locked).await)
}

async fn find(mediator: &Mediator, order: MarkOrder) -> Result<Vec<Mark>, SendError<Error>> {
    let rested = chrono::Duration::from_std(INTERVAL).unwrap_or_default();
    mediator.ask(&Scope::platform_system(NAME), FindMarks { order, rested, limit: BATCH }).await
}

/// Publishes what is marked, but for what somebody else has locked, which is added to `locked`.
async fn publish(
    mediator: &Mediator,
    stale: &StaleProducts,
    marks: Vec<Mark>,
    locked: &mut BTreeMap<(OrganisationId, Sku), Mark>,
) -> Result<(), SendError<Error>> {
    if marks.is_empty() {
        return Ok(());
    }
    let turned: Vec<(OrganisationId, ProductId)> =
        marks.iter().filter_map(|mark| Some((mark.organisation, mark.turned?.1))).collect();
    let _too_late = tokio::time::timeout(PATIENCE, stale.note_and_wait(turned)).await;
    let error = match send(mediator, marks.clone(), Locked::Left).await {
        Ok(left) => {
            locked.extend(left.into_iter().map(|mark| ((mark.organisation, mark.sku.clone()), mark)));
            return Ok(());
        }
        Err(error) => error,
    };
    if error.class() != Class::Transient && marks.len() > 1 {
        for mark in marks {
            let (organisation, sku) = (mark.organisation, mark.sku.clone());
            if let Err(error) = send(mediator, vec![mark], Locked::Left).await {
                tracing::error!(%organisation, %sku, %error, "the availability of a SKU cannot be published");
            }
        }
    }
    Err(error)
}

/// Publishes one after the other what others have locked, waiting a little for each, up to the first that stays locked: the rest has
/// its turn in the next round.
async fn publish_locked(mediator: &Mediator, marks: Vec<Mark>) -> Result<(), SendError<Error>> {
    for mark in marks {
        match send(mediator, vec![mark], Locked::Awaited).await {
            Ok(_none) => {}
            Err(SendError::Failed(error)) if error.is_contested() => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn send(mediator: &Mediator, marks: Vec<Mark>, locked: Locked) -> Result<Vec<Mark>, SendError<Error>> {
    let scope = Scope::batch(NAME, marks.iter().map(|mark| mark.organisation));
    mediator.send(&scope, PublishAvailability { marks, locked }).await
}
