//! `Prefer: wait=N` on placing: the reply comes when the order is settled, or when the time is over.

use std::time::Duration;

use mediator::Scope;
use rest::{App, Awaited, Problem, Recorded};

use crate::{
    commands::Receipt,
    domain::{OrderToken, OrderView},
    processes::{Waiter, WaitingRoom},
    queries::FindOwnOrder,
};

/// The reply to placing: at once, or when the order is settled or the time that the client gave is over.
///
/// `waiter` entered before the order was placed, so no answer is missed, however quick. A replayed reply is about an
/// earlier order; the wait for that one begins here.
pub(super) async fn outcome(
    app: &App,
    by: &Scope,
    room: &WaitingRoom,
    waiter: Waiter,
    recorded: Recorded<Receipt, 202>,
    within: Option<Duration>,
) -> Result<Awaited<Receipt>, Problem> {
    let Some(within) = within else { return Ok(Awaited::Pending(recorded)) };
    let receipt: Receipt = serde_json::from_slice(&recorded.inner().body).map_err(Problem::internal)?;
    let waiter = if waiter.order() == receipt.order.id { waiter } else { room.enter(receipt.order.id) };
    let settled = waiter.until(within, async || look(app, by, &receipt).await).await?;
    Ok(match settled {
        None => Awaited::Pending(recorded),
        Some(order) => Awaited::Settled(rest::Ok(Receipt { order, ..receipt })),
    })
}

/// The order, once it is settled.
async fn look(app: &App, by: &Scope, receipt: &Receipt) -> Result<Option<OrderView>, Problem> {
    let token = OrderToken::presented(&receipt.order_token);
    let token = token.ok_or_else(|| Problem::internal("a recorded reply has no order token"))?;
    let order = app.ask(by, FindOwnOrder { order: receipt.order.id, token }).await?;
    Ok(order.status.is_settled().then_some(order))
}
