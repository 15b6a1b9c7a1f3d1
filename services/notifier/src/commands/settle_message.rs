//! Stores what became of a message, and ends the lease of its chat.
//! The rule: settling again does no harm. The sender repeats it after any error, also after a COMMIT that may have gone
//! through: a delivery leaves `pending` once, and a failed call is counted under its lease only. It may lengthen the
//! pause, which each settlement counts from its own time, and never shortens it.

use std::sync::Arc;

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::domain::{BOT, Batch, Chat, Outcome, Target, Way, back_off};
use crate::error::Error;
use crate::store::budgets::{self, ChatReport};
use crate::store::{deliveries, destinations};

/// A message and the outcome of its call.
#[derive(Debug, Clone)]
pub struct SettleMessage {
    /// What the message reported, and under which lease.
    pub batch: Arc<Batch>,
    /// What Telegram answered.
    pub outcome: Outcome,
}

impl Command for SettleMessage {
    const NAME: &'static str = "notifier.settle-message";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        let Batch { target, chat, lease, way, deliveries, .. } = &*self.batch;
        let failures = budgets::lock_failures(tx, chat.as_str()).await?;
        if *target == Target::Configured {
            budgets::settle_configured(tx, *lease).await?;
        }
        let pause = |failures: u32| back_off(failures.saturating_add(1), rand::random());
        let report = match &self.outcome {
            Outcome::Sent { message } => {
                deliveries::mark_sent(tx, deliveries, *message).await?;
                ChatReport::Reachable
            }
            Outcome::Refused { cause } => {
                deliveries::mark_refused(tx, deliveries, cause).await?;
                ChatReport::Reachable
            }
            Outcome::Limited { retry_after } => ChatReport::Wait(*retry_after),
            Outcome::Moved { to } => ChatReport::Moved(*to),
            Outcome::Unreachable { cause } => ChatReport::Closed(pause(failures), cause.clone()),
            // A closed topic is no matter of the chat, but the chat of the configuration has no topic other than its general one.
            Outcome::NoTopic { cause } if *target == Target::Configured => {
                ChatReport::Closed(pause(failures), cause.clone())
            }
            Outcome::NoTopic { .. } | Outcome::Gone { .. } => ChatReport::Reachable,
            Outcome::Unavailable { .. } => ChatReport::Failed(pause(failures)),
            Outcome::Unauthorised { .. } => ChatReport::Unasked,
        };
        match &self.outcome {
            Outcome::Unauthorised { cause } => {
                let failures = budgets::lock_failures(tx, BOT).await?;
                budgets::settle_bot(tx, chat, *lease, Some((pause(failures), cause))).await?;
            }
            Outcome::Unavailable { .. } => {}
            _ => budgets::settle_bot(tx, chat, *lease, None).await?,
        }
        if let Target::Destination { organisation, destination } = *target {
            match &self.outcome {
                Outcome::Gone { .. } => {
                    if let Way::Edit { message, .. } = way {
                        deliveries::message_gone(tx, organisation, destination, *message).await?;
                    }
                }
                Outcome::Sent { .. } => {
                    destinations::reached(tx, organisation, destination).await?;
                }
                Outcome::Unreachable { cause } => {
                    destinations::unreachable(tx, organisation, destination, cause).await?;
                }
                Outcome::NoTopic { cause } => {
                    destinations::unreachable(tx, organisation, destination, cause).await?;
                    let refusals = destinations::lock_refusals(tx, organisation, destination).await?;
                    let pause = pause(refusals);
                    destinations::block(tx, organisation, destination, (chat, *lease), pause).await?;
                }
                _ => {}
            }
        }
        // Whoever hears of it first: the other targets in the chat are not told so any more.
        if let (Outcome::Moved { to }, Some(from)) = (&self.outcome, chat.number()) {
            budgets::register(tx, &Chat::numbered(*to)).await?;
            destinations::moved(tx, from, *to).await?;
        }
        budgets::settle(tx, chat, *lease, &report).await
    }
}
