//! The two short transactions around a call: one claims the chat and reads its pending deliveries, the other settles them.
//! The rule: a crash between the two leaves the deliveries pending. They are sent again when the lease has run out, so every
//! delivery is sent at least once.

use std::time::Duration;

use kernel::Timestamp;
use mediator::Mediator;
use persistence::SystemTx;

use crate::domain::{BOT_LIMITS, Batch, Chat, Decision, Lease, Outcome, Unreadable, back_off};
use crate::error::Error;
use crate::store::budgets::{self, ChatReport};
use crate::store::deliveries;

/// How long a chat belongs to a sender that is not heard of again; longer than any call.
pub(super) const LEASE: Duration = Duration::from_secs(12);
/// The most deliveries that one message tells of.
const MAX_DELIVERIES: i64 = 2_000;
/// The pause when another sender claims or settles the chat at this moment.
const BUSY: Duration = Duration::from_millis(200);

/// What a claim found.
#[derive(Debug)]
pub(super) enum Claim {
    /// Nothing is pending.
    Idle,
    /// Deliveries are pending, but the limits or another sender allow no message before this has passed.
    Wait(Duration),
    /// The chat belongs to this sender, which is to send these.
    Batch(Batch),
}

/// Claims the chat if deliveries are pending and both budgets allow a message now.
pub(super) async fn claim(mediator: &Mediator, chat: &Chat, per_minute: Option<u32>) -> Result<Claim, Error> {
    let mut tx = mediator.system().await?;
    let claim = if deliveries::any_pending(&mut tx, chat).await? {
        lease(&mut tx, chat, per_minute).await?
    } else {
        Claim::Idle
    };
    tx.commit().await?;
    Ok(claim)
}

async fn lease(tx: &mut SystemTx, chat: &Chat, per_minute: Option<u32>) -> Result<Claim, Error> {
    let Some(held) = budgets::lock_chat(tx, chat).await? else { return Ok(Claim::Wait(BUSY)) };
    if held.leased_until > held.now {
        return Ok(Claim::Wait(until(held.leased_until, held.now)));
    }
    let of_chat = match held.budget.decide(held.now, chat.limits(per_minute)) {
        Decision::Send(arrivals) => arrivals,
        Decision::Wait { until: at } => return Ok(Claim::Wait(until(at, held.now))),
    };
    let (bot, now) = budgets::lock_bot(tx).await?;
    let of_bot = match bot.decide(now, BOT_LIMITS) {
        Decision::Send(arrivals) => arrivals,
        Decision::Wait { until: at } => return Ok(Claim::Wait(until(at, now))),
    };
    // Read under the lock: what another sender settled before is not pending any more.
    let (pending, unreadable) = deliveries::pending(tx, chat, MAX_DELIVERIES).await?;
    if !unreadable.is_empty() {
        deliveries::mark_unreadable(tx, &unreadable).await?;
        unreadable.iter().for_each(report);
    }
    if pending.is_empty() {
        return Ok(Claim::Idle);
    }
    let lease = Lease::new();
    budgets::take(tx, chat, lease, LEASE, of_chat, of_bot).await?;
    let address = held.moved_to.unwrap_or_else(|| chat.clone());
    Ok(Claim::Batch(Batch { chat: chat.clone(), address, lease, deliveries: pending }))
}

/// The metric and the log line of a delivery that cannot be read.
fn report(unreadable: &Unreadable) {
    let Unreadable { id, organisation, kind, cause } = unreadable;
    metrics::counter!("notifier_deliveries_total", "kind" => kind.clone(), "outcome" => "failed").increment(1);
    tracing::error!(
        delivery = %id,
        %organisation,
        kind,
        cause,
        "a delivery cannot be told; when a version runs that can read it, run the rebuild failed-deliveries"
    );
}

/// Marks the deliveries of the batch with the outcome of the call, and ends the lease.
pub(super) async fn settle(mediator: &Mediator, batch: &Batch, outcome: &Outcome) -> Result<(), Error> {
    let mut tx = mediator.system().await?;
    let report = match outcome {
        Outcome::Sent { message } => {
            deliveries::mark_sent(&mut tx, &batch.deliveries, *message).await?;
            ChatReport::Reachable
        }
        Outcome::Refused { cause } => {
            deliveries::mark_refused(&mut tx, &batch.deliveries, cause).await?;
            ChatReport::Reachable
        }
        Outcome::Limited { retry_after } => ChatReport::Wait(*retry_after),
        Outcome::Moved { to } => ChatReport::Moved(*to),
        Outcome::Unavailable { .. } => {
            let failures = budgets::failures(&mut tx, &batch.chat).await?;
            ChatReport::Failed(back_off(failures.saturating_add(1), rand::random()))
        }
    };
    budgets::settle(&mut tx, &batch.chat, batch.lease, &report).await?;
    Ok(tx.commit().await?)
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    (at - now).to_std().unwrap_or(Duration::ZERO).max(Duration::from_millis(1))
}
