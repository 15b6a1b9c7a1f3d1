//! `Prefer: wait=N` on placing: the reply comes when the order is settled, or when the time is over. The rule: 201 with the
//! order as it is by then, or 202 with what was recorded when it was placed; both say where the order is found.

use std::time::Duration;

use mediator::Scope;
use rest::{App, Awaited, Problem, Recorded};

use crate::{
    commands::Receipt,
    domain::{ContactDetails, OrderToken, OrderView, Ownership, Status},
    processes::{Waiter, WaitingRoom},
    queries::FindOwnOrder,
};

/// The reply to placing: at once, or when the order is settled or the time that the client gave is over.
///
/// `waiter` entered before the order was placed, so it misses no answer, however quick. A replayed reply is about an
/// earlier order: the wait for that one begins here, and it may be settled already.
pub(super) async fn outcome(
    app: &App,
    by: &Scope,
    room: &WaitingRoom,
    waiter: Waiter,
    recorded: Recorded<Receipt, 202>,
    within: Option<Duration>,
) -> Result<Awaited<Receipt>, Problem> {
    let (Some(within), Some(receipt)) = (within, recorded.reply()) else { return Ok(Awaited::Pending(recorded)) };
    let poll = async || settled(app, by, receipt).await;
    let found = wait(room, waiter, &receipt.order, within, poll).await?;
    let settled = found.map(|order| Receipt { order, order_token: receipt.order_token.clone() });
    Ok(match settled {
        Some(receipt) => Awaited::settled(&recorded, receipt),
        None => Awaited::Pending(recorded),
    })
}

async fn wait(
    room: &WaitingRoom,
    waiter: Waiter,
    order: &OrderView,
    within: Duration,
    poll: impl AsyncFn() -> Result<Option<OrderView>, Problem>,
) -> Result<Option<OrderView>, Problem> {
    if waiter.order() == order.id {
        return waiter.until(within, order, poll).await;
    }
    let waiter = room.enter(order.id);
    match poll().await? {
        None => waiter.until(within, order, poll).await,
        found => Ok(found),
    }
}

/// The order, once it is settled.
async fn settled(app: &App, by: &Scope, receipt: &Receipt) -> Result<Option<OrderView>, Problem> {
    let token = OrderToken::presented(&receipt.order_token);
    let token = token.ok_or_else(|| Problem::internal("a recorded reply has no order token"))?;
    let order = app.ask(by, FindOwnOrder { order: receipt.order.id, proof: Ownership::Token(token) }).await?;
    // As in the recorded reply: whoever placed the order knows what they said.
    let order = OrderView { contact_details: ContactDetails::default(), ..order };
    Ok((order.status != Status::Pending).then_some(order))
}
