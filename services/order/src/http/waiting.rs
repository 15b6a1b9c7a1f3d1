//! `Prefer: wait=N` on placing: answers when the order is settled, or when the time is over.

use std::time::Duration;

use mediator::Scope;
use rest::{App, Awaited, Problem, Recorded};

use super::shop::Shop;
use crate::{
    commands::Receipt,
    domain::{Order, OrderToken},
    queries::FindOwnOrder,
    settled::Seat,
};

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
    let settled = seat.until(within, async || look(app, by, &receipt).await).await?;
    Ok(match settled {
        None => Awaited::Pending(recorded),
        Some(order) => Awaited::Settled(rest::Ok(Receipt { order, ..receipt })),
    })
}

/// The order, once it is settled.
async fn look(app: &App, by: &Scope, receipt: &Receipt) -> Result<Option<Order>, Problem> {
    let token = OrderToken::presented(&receipt.order_token);
    let token = token.ok_or_else(|| Problem::internal("a recorded reply has no order token"))?;
    let order = app.ask(by, FindOwnOrder { order: receipt.order.id, token }).await?;
    Ok(order.status.is_settled().then_some(order))
}
