//! Claims the lane of a target for one message: leases it, takes the message from the budgets and reads the pending deliveries.
//! The rule: a claim changes nothing outside of its transaction. An attempt that collided was rolled back and runs again. A
//! COMMIT that failed may have gone through and is not repeated: then nobody holds the lease, and the deliveries stay
//! pending until it has run out. They are late, but not sent twice.

use std::time::Duration;

use access::Permission;
use kernel::Timestamp;
use mediator::{Command, Platform, Tx};

use crate::domain::{
    Address, Batch, Decision, Delivery, Endpoint, FollowUp, Lease, Receiver, Target, Unreadable, Way, follow,
};
use crate::error::Error;
use crate::store::{budgets, deliveries, destinations};

/// The pause when another transaction claims or settles the lane at this moment.
const BUSY: Duration = Duration::from_millis(200);

/// Claims the lane of a target if something is pending for it and the budgets allow a message now.
#[derive(Debug, Clone)]
pub struct ClaimDeliveries {
    /// The target.
    pub target: Target,
    /// The chat of the configuration, and how it is spoken to. The link to orders is that of every destination.
    pub configured: Receiver,
    /// Messages per minute to the chat of the configuration; `None`, as for every other chat, is what Telegram allows for its
    /// kind.
    pub per_minute: Option<u32>,
    /// How long the lane belongs to a sender that is not heard of again.
    pub lease: Duration,
    /// The most deliveries that the message may tell of.
    pub limit: i64,
}

/// What a claim found.
#[derive(Debug)]
pub struct Claimed {
    /// Whether there is a message to send.
    pub next: Next,
    /// Whether whoever had the lane before died with a message in hand, which may have been taken.
    pub abandoned: bool,
    /// Deliveries that wait because this version cannot read them.
    pub unreadable: Vec<Unreadable>,
}

/// Whether there is a message to send.
#[derive(Debug)]
pub enum Next {
    /// Nothing is pending.
    Idle,
    /// Deliveries are pending, but the limits or another sender allow no message before this has passed.
    Wait(Duration),
    /// The lane is leased to the caller, who is to send these.
    Send(Box<Batch>),
}

impl Command for ClaimDeliveries {
    const NAME: &'static str = "notifier.claim-deliveries";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Claimed;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Claimed, Error> {
        let only = |next| Ok(Claimed { next, abandoned: false, unreadable: Vec::new() });
        // It was deleted or has ended since it was listed.
        let Some(receiver) = self.receiver(tx).await? else { return only(Next::Idle) };
        let lane = receiver.endpoint.lane();
        let Some(held) = budgets::lock_lane(tx, &lane).await? else {
            // Staff cannot see budgets, so a mailbox or a webhook has none before its first message.
            if lane.chat().is_none() {
                budgets::register(tx, &lane).await?;
            }
            return only(Next::Wait(BUSY));
        };
        if held.leased_until > held.now {
            return only(Next::Wait(pause(held.leased_until, held.now)));
        }
        // Who settled a message meanwhile may have learned that the chat has another id, and staff may have changed something.
        if self.receiver(tx).await?.as_ref() != Some(&receiver) {
            return only(Next::Wait(BUSY));
        }
        if self.target == Target::Configured {
            // Replicas that are configured with different chats would each send the same deliveries.
            match budgets::lock_configured(tx).await? {
                None => return only(Next::Wait(BUSY)),
                Some((until, now)) if until > now => return only(Next::Wait(pause(until, now))),
                Some(_) => {}
            }
        }
        let per_minute = self.per_minute.filter(|_| lane == self.configured.endpoint.lane());
        let of_lane = match held.budget.decide(held.now, receiver.endpoint.limits(per_minute)) {
            Decision::Send(arrivals) => arrivals,
            Decision::Wait { until } => return only(Next::Wait(pause(until, held.now))),
        };
        let of_carrier = match receiver.endpoint.carrier() {
            None => None,
            Some(carrier) => {
                let (budget, now) = budgets::lock_carrier(tx, carrier).await?;
                match budget.decide(now, carrier.limits()) {
                    Decision::Send(arrivals) => Some((carrier, arrivals)),
                    Decision::Wait { until } => return only(Next::Wait(pause(until, now))),
                }
            }
        };
        // Read under the lock: what another sender settled before is not pending any more.
        let limit = receiver.endpoint.at_once(self.limit);
        let (pending, unreadable) = deliveries::pending(tx, self.target, receiver.silent, limit).await?;
        if !unreadable.is_empty() {
            deliveries::postpone_unreadable(tx, &unreadable).await?;
        }
        if pending.is_empty() {
            return Ok(Claimed { next: Next::Idle, abandoned: false, unreadable });
        }
        let (pending, way) = self.way(tx, pending, &receiver).await?;
        let lease = Lease::new();
        if self.target == Target::Configured {
            budgets::take_configured(tx, lease, self.lease).await?;
        }
        budgets::take(tx, &lane, lease, self.lease, of_lane, of_carrier).await?;
        let Receiver { endpoint, voice, .. } = receiver;
        let endpoint = match (endpoint, held.moved_to) {
            (Endpoint::Chat(address), Some(chat)) => Endpoint::Chat(Address { chat, ..address }),
            (endpoint, _) => endpoint,
        };
        let batch = Batch { target: self.target, lane, endpoint, voice, lease, way, deliveries: pending };
        Ok(Claimed { next: Next::Send(Box::new(batch)), abandoned: held.claimed, unreadable })
    }
}

impl ClaimDeliveries {
    /// What of the pending deliveries the message tells, and what it is to the messages before it.
    async fn way(
        &self,
        tx: &mut Tx<'_, Platform>,
        pending: Vec<Delivery>,
        Receiver { endpoint, follow_up, .. }: &Receiver,
    ) -> Result<(Vec<Delivery>, Way), Error> {
        let Target::Destination { organisation, destination } = self.target else { return Ok((pending, Way::New)) };
        // Only what Telegram was sent has a number that can be followed.
        if *follow_up == FollowUp::New || !matches!(endpoint, Endpoint::Chat(_)) {
            return Ok((pending, Way::New));
        }
        let (pending, order) = follow(pending);
        let Some(order) = order else { return Ok((pending, Way::New)) };
        let first = deliveries::first_message(tx, organisation, destination, order).await?;
        let way = match first {
            None => Way::New,
            // A message that tells of other orders too stays as it is.
            Some((message, told))
                if *follow_up == FollowUp::Edit && told.iter().all(|it| it.fact.order() == Some(order)) =>
            {
                Way::Edit { message, told }
            }
            Some((to, _)) => Way::Reply { to },
        };
        Ok((pending, way))
    }

    /// Where the messages of the target go now; none while nothing may be sent to it.
    async fn receiver(&self, tx: &mut Tx<'_, Platform>) -> Result<Option<Receiver>, Error> {
        match self.target {
            Target::Configured => Ok(Some(self.configured.clone())),
            Target::Destination { organisation, destination } => {
                let order_link = self.configured.voice.order_link.clone();
                destinations::receiver(tx, organisation, destination, order_link).await
            }
        }
    }
}

fn pause(until: Timestamp, now: Timestamp) -> Duration {
    (until - now).to_std().unwrap_or(Duration::ZERO).max(Duration::from_millis(1))
}
