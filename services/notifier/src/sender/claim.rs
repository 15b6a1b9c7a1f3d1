//! The two short transactions around a call: lease the chat and read what is pending; mark what became of it.
//! A crash between them leaves the deliveries pending, so they are told again when the lease has run out: at least once.

use std::time::Duration;

use kernel::Timestamp;
use mediator::Mediator;
use uuid::Uuid;

use super::Settings;
use crate::domain::{BOT_LIMITS, Chat, Decision, Delivery, Outcome, back_off};
use crate::store::budgets::{self, Lesson};
use crate::store::deliveries::{self, Unreadable};

/// What is being told in one message, under one lease.
#[derive(Debug)]
pub(super) struct Batch {
    /// The chat as configured.
    pub(super) chat: Chat,
    /// Where it is now.
    pub(super) address: Chat,
    /// The lease.
    pub(super) claim: Uuid,
    /// What is told, oldest first; at least one.
    pub(super) deliveries: Vec<Delivery>,
}

#[derive(Debug)]
pub(super) enum Claimed {
    /// Nothing is pending.
    Nothing,
    /// Something is, but limits or another sender say: later.
    Wait(Duration),
    /// The chat is leased to this sender.
    Batch(Batch),
}

/// Leases the chat if something is pending and both budgets allow a message now.
pub(super) async fn claim(
    mediator: &Mediator,
    chat: &Chat,
    settings: &Settings,
) -> Result<Claimed, persistence::Error> {
    let mut tx = mediator.system().await?;
    let claimed = if deliveries::any_pending(&mut tx, chat).await? {
        lease(&mut tx, chat, settings).await?
    } else {
        Claimed::Nothing
    };
    tx.commit().await?;
    Ok(claimed)
}

async fn lease(
    tx: &mut persistence::SystemTx,
    chat: &Chat,
    settings: &Settings,
) -> Result<Claimed, persistence::Error> {
    let Some(held) = budgets::lock_chat(tx, chat).await? else { return Ok(Claimed::Wait(settings.poll)) };
    if held.leased_until > held.now {
        return Ok(Claimed::Wait(until(held.leased_until, held.now)));
    }
    let of_chat = match held.budget.decide(held.now, chat.limits(settings.per_minute)) {
        Decision::Send(arrivals) => arrivals,
        Decision::Wait { until: at } => return Ok(Claimed::Wait(until(at, held.now))),
    };
    let (bot, now) = budgets::lock_bot(tx).await?;
    let of_bot = match bot.decide(now, BOT_LIMITS) {
        Decision::Send(arrivals) => arrivals,
        Decision::Wait { until: at } => return Ok(Claimed::Wait(until(at, now))),
    };
    // Read after the lock was had: what another sender has settled meanwhile is not pending any more.
    let (pending, unreadable) = deliveries::pending(tx, chat, settings.most).await?;
    if !unreadable.is_empty() {
        deliveries::mark_unreadable(tx, &unreadable).await?;
        unreadable.iter().for_each(report);
    }
    if pending.is_empty() {
        return Ok(Claimed::Nothing);
    }
    let claim = Uuid::now_v7();
    budgets::take(tx, chat, claim, settings.lease, of_chat, of_bot).await?;
    let address = held.moved_to.unwrap_or_else(|| chat.clone());
    Ok(Claimed::Batch(Batch { chat: chat.clone(), address, claim, deliveries: pending }))
}

/// Metrics and the log line of a delivery that is set aside before Telegram hears of it.
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

/// Marks what became of the batch and ends the lease.
pub(super) async fn settle(mediator: &Mediator, batch: &Batch, outcome: &Outcome) -> Result<(), persistence::Error> {
    let mut tx = mediator.system().await?;
    let lesson = match outcome {
        Outcome::Sent { message } => {
            deliveries::mark_sent(&mut tx, &batch.deliveries, *message).await?;
            Lesson::Reachable
        }
        Outcome::Refused { cause } => {
            deliveries::mark_failed(&mut tx, &batch.deliveries, cause).await?;
            Lesson::Reachable
        }
        Outcome::Limited { retry_after } => Lesson::Wait(*retry_after),
        Outcome::Moved { to } => Lesson::Moved(*to),
        Outcome::Unavailable { .. } => {
            let failures = budgets::failures(&mut tx, &batch.chat).await?;
            Lesson::Failed(back_off(failures.saturating_add(1), rand::random()))
        }
    };
    budgets::settle(&mut tx, &batch.chat, batch.claim, &lesson).await?;
    tx.commit().await
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    (at - now).to_std().unwrap_or(Duration::ZERO).max(Duration::from_millis(1))
}
