//! Lets prices count from the moment at which they begin to that at which they end, without anybody doing anything.
//! The rule: the platform finds the products, and an ordinary command in their organisation changes them; two replicas may do it
//! at the same time, and one that was away makes up for it. It sleeps until the next price begins or ends, and looks once per
//! interval whether somebody has planned an earlier one.

use std::time::Duration;

use kernel::{OrganisationId, ProductId, Timestamp};
use mediator::{Class, Classified, Mediator, Scope, SendError};
use service::{CancellationToken, Part, Stage};

use crate::NAME;
use crate::commands::pass_prices::PassPrices;
use crate::error::Error;
use crate::processes::invalidation::StaleProducts;
use crate::queries::due_prices::{DuePrices, FindDuePrices};

/// How many prices are looked for at once.
const BATCH: u32 = 1_000;
/// How many products are changed in one transaction: few enough that nobody waits long for one of them.
const TOGETHER: usize = 50;

/// Goes on until the service stops. A round that fails is logged and tried again.
pub fn part(mediator: Mediator, stale: StaleProducts, interval: Duration) -> Part {
    Part::restarted(Stage::Consuming, "price sweep", move |stop| {
        let (mediator, stale) = (mediator.clone(), stale.clone());
        async move {
            run(&mediator, &stale, interval, &stop).await;
            Ok(())
        }
    })
}

async fn run(mediator: &Mediator, stale: &StaleProducts, interval: Duration, stop: &CancellationToken) {
    loop {
        let pause = pass_due(mediator, stale, interval).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the sweep of prices failed and is tried again");
            interval
        });
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// Changes the products whose prices have begun or ended, batch by batch, and gives the pause until it has to look again, which is
/// never longer than `interval`. One product that cannot change, or that somebody else has locked, does not delay the others.
///
/// # Errors
/// The first error of the database or of a command; the next round tries again.
pub async fn pass_due(
    mediator: &Mediator,
    stale: &StaleProducts,
    interval: Duration,
) -> Result<Duration, SendError<Error>> {
    let (mut after, mut outcome) = (None, Ok(()));
    loop {
        let query = FindDuePrices { ahead: interval, after, limit: BATCH };
        let DuePrices { due, more, next } = mediator.ask(&Scope::platform_system(NAME), query).await?;
        if let Some((at, products)) = due {
            outcome = outcome.and(pass_batch(mediator, stale, at, products.into_iter().collect()).await);
        }
        // What is left of a batch is in the hands of others; there is no use in asking for it again at once.
        after = more;
        if after.is_none() {
            return outcome.map(|()| next.unwrap_or(interval).min(interval));
        }
    }
}

/// Changes the products of a batch, which are in the order of their organisations.
async fn pass_batch(
    mediator: &Mediator,
    stale: &StaleProducts,
    at: Timestamp,
    products: Vec<(OrganisationId, ProductId)>,
) -> Result<(), SendError<Error>> {
    let mut outcome = Ok(());
    for of_one in products.chunk_by(|one, other| one.0 == other.0) {
        for together in of_one.chunks(TOGETHER) {
            let Some(organisation) = together.first().map(|one| one.0) else { continue };
            let ids: Vec<ProductId> = together.iter().map(|one| one.1).collect();
            match pass(mediator, organisation, ids, at).await {
                Ok(passed) => stale.note(passed.into_iter().map(|product| (organisation, product))),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
    }
    outcome
}

/// Changes products of one organisation, all at once, or one by one when they cannot change together.
async fn pass(
    mediator: &Mediator,
    organisation: OrganisationId,
    products: Vec<ProductId>,
    at: Timestamp,
) -> Result<Vec<ProductId>, SendError<Error>> {
    let scope = Scope::system(NAME, organisation);
    let failure = match mediator.send(&scope, PassPrices { products: products.clone(), at }).await {
        Err(error) if error.class() != Class::Transient && products.len() > 1 => error,
        outcome => return outcome,
    };
    let mut passed = Vec::new();
    for product in products {
        match mediator.send(&scope, PassPrices { products: vec![product], at }).await {
            Ok(one) => passed.extend(one),
            Err(error) => tracing::error!(%organisation, %product, %error, "the prices of a product cannot pass"),
        }
    }
    if passed.is_empty() { Err(failure) } else { Ok(passed) }
}
