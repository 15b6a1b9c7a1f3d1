//! `Prefer: wait=N` on placing: answers when the order is settled, or when the time is over.
//!
//! Whoever settles the order in this process rings a bell; an order that the other replica settles is found by looking
//! again, soon at first and then less often.

use std::time::Duration;

use mediator::Scope;
use rest::{App, Awaited, Problem, Recorded};
use tokio::time::Instant;

use super::shop::Shop;
use crate::{
    commands::Receipt,
    domain::{Order, OrderToken},
    queries::FindOwnOrder,
    settled::Seat,
};

/// The first look without a bell comes after this time, each further one after twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(10);
/// No two looks are further apart.
const LAST_LOOK: Duration = Duration::from_millis(250);

/// The reply to placing: at once, or when the order is settled or the time that the client gave is over.
///
/// `seat` was taken before placing, so that a quick answer is not missed; a replayed reply is about an earlier order,
/// whose seat is taken here.
pub(super) async fn outcome(
    app: &App,
    by: &Scope,
    shop: &Shop,
    seat: Seat,
    recorded: Recorded<Receipt, 202>,
    within: Option<Duration>,
) -> Result<Awaited<Receipt>, Problem> {
    let Some(within) = within else { return Ok(Awaited::Pending(recorded)) };
    let receipt: Receipt = serde_json::from_slice(&recorded.inner().body).map_err(Problem::internal)?;
    let seat = if seat.order() == receipt.order.id { seat } else { shop.settled.seat(receipt.order.id) };
    Ok(match settled(app, by, &seat, &receipt, within).await? {
        None => Awaited::Pending(recorded),
        Some(order) => Awaited::Settled(rest::Ok(Receipt { order, ..receipt })),
    })
}

/// Waits until the order is settled. None: the time is over.
async fn settled(
    app: &App,
    by: &Scope,
    seat: &Seat,
    receipt: &Receipt,
    within: Duration,
) -> Result<Option<Order>, Problem> {
    let Some(token) = OrderToken::presented(&receipt.order_token) else { return Ok(None) };
    let until = Instant::now() + within;
    let mut pause = FIRST_LOOK;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        pause = match tokio::time::timeout(pause.min(left), seat.called()).await {
            Ok(()) => FIRST_LOOK,
            Err(_) => (pause * 2).min(LAST_LOOK),
        };
        let query = FindOwnOrder { order: receipt.order.id, token: token.clone() };
        let order = app.ask(by, query).await?;
        if order.status.is_settled() {
            return Ok(Some(order));
        }
    }
}
