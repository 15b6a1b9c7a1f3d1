//! Stores what became of a message, and ends the lease of its lane.
//! The rule: settling again does no harm. The sender repeats it after any error, also after a COMMIT that may have gone
//! through: a delivery leaves `pending` once, and a failed call is counted under its lease only. It may lengthen the
//! pause, which each settlement counts from its own time, and never shortens it.

use std::sync::Arc;

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::domain::{Batch, Chat, Endpoint, Lane, Outcome, Target, Way, back_off};
use crate::error::Error;
use crate::store::budgets::{self, LaneReport};
use crate::store::{deliveries, destinations};

/// Failures in a row after which staff sees that nothing gets to a mailbox or a webhook.
const MANY_FAILURES: u32 = 5;

/// A message and what became of it.
#[derive(Debug, Clone)]
pub struct SettleMessage {
    /// What the message reported, and under which lease.
    pub batch: Arc<Batch>,
    /// What the receiver answered.
    pub outcome: Outcome,
}

impl Command for SettleMessage {
    const NAME: &'static str = "notifier.settle-message";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        let Batch { target, lane, endpoint, lease, way, deliveries, .. } = &*self.batch;
        let failures = budgets::lock_failures(tx, lane.as_str()).await?;
        if *target == Target::Configured {
            budgets::settle_configured(tx, *lease).await?;
        }
        let pause = |failures: u32| back_off(failures.saturating_add(1), rand::random(), endpoint.longest_pause());
        let report = match &self.outcome {
            Outcome::Sent { message } => {
                deliveries::mark_sent(tx, deliveries, *message).await?;
                LaneReport::Reachable
            }
            Outcome::Refused { cause } => {
                deliveries::mark_refused(tx, deliveries, cause).await?;
                LaneReport::Reachable
            }
            Outcome::Limited { retry_after } => LaneReport::Wait(*retry_after),
            Outcome::Moved { to } => LaneReport::Moved(*to),
            Outcome::Ended { .. } => LaneReport::Reachable,
            Outcome::Unreachable { cause } => LaneReport::Closed(pause(failures), cause.clone()),
            // A closed topic is no matter of the chat, but the chat of the configuration has no topic other than its general one.
            Outcome::NoTopic { cause } if *target == Target::Configured => {
                LaneReport::Closed(pause(failures), cause.clone())
            }
            Outcome::NoTopic { .. } | Outcome::Gone { .. } => LaneReport::Reachable,
            Outcome::Unavailable { .. } | Outcome::Unknown { .. } => LaneReport::Failed(pause(failures)),
            Outcome::Unauthorised { .. } => LaneReport::Unasked,
        };
        match (&self.outcome, endpoint.carrier()) {
            (Outcome::Unavailable { .. } | Outcome::Unknown { .. }, _) | (_, None) => {}
            (Outcome::Unauthorised { cause }, Some(carrier)) => {
                let failures = budgets::lock_failures(tx, carrier.subject()).await?;
                budgets::settle_carrier(tx, carrier, lane, *lease, Some((pause(failures), cause))).await?;
            }
            (_, Some(carrier)) => budgets::settle_carrier(tx, carrier, lane, *lease, None).await?,
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
                    destinations::block(tx, organisation, destination, (lane, *lease), pause).await?;
                }
                Outcome::Ended { cause } => {
                    destinations::end(tx, organisation, destination, cause).await?;
                    deliveries::fail_pending(tx, organisation, destination, cause).await?;
                }
                Outcome::Unavailable { cause } | Outcome::Unknown { cause }
                    if !matches!(endpoint, Endpoint::Chat(_)) && failures.saturating_add(1) >= MANY_FAILURES =>
                {
                    destinations::unreachable(tx, organisation, destination, cause).await?;
                }
                _ => {}
            }
        }
        // Whoever hears of it first: the other targets in the chat are not told so any more.
        if let (Outcome::Moved { to }, Some(from)) = (&self.outcome, lane.chat().and_then(|chat| chat.number())) {
            budgets::register(tx, &Lane::of_chat(&Chat::numbered(*to))).await?;
            destinations::moved(tx, from, *to).await?;
        }
        budgets::settle(tx, lane, *lease, &report).await
    }
}
