//! Facts become deliveries in the transaction that takes their events: every delivery is a row before it is a message.
//! The rule: an organisation's destinations are told what their rules let through. An organisation that has none is told of in
//! the chat of the configuration. Each delivery has the time at which
//! it may be told.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Tenants, Tx};

use crate::domain::{Chat, Flood, NewDelivery, Planned};
use crate::error::Error;
use crate::store::{deliveries, destinations};

/// So many kinds may flood a destination at once, and each of them is noticed.
const KINDS_LOOKED_AT: i64 = 4;

/// Facts, of however many organisations, that are to be told.
#[derive(Debug, Clone)]
pub struct RecordDeliveries {
    /// The chat of the configuration.
    pub configured: Chat,
    /// From how many facts of one kind within a minute, for one destination, on there is a flood; none: there never is one.
    pub flood_from: Option<u32>,
    /// The facts, in the order in which they happened.
    pub deliveries: Vec<NewDelivery>,
}

impl Command for RecordDeliveries {
    const NAME: &'static str = "notifier.record-deliveries";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let mut organisations: Vec<_> = self.deliveries.iter().map(|delivery| delivery.organisation).collect();
        organisations.sort_unstable();
        organisations.dedup();
        let linked = destinations::linked(tx, &organisations).await?;
        let now = Clock::now();
        let mut new = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            let Some(own) = linked.get(&delivery.organisation) else {
                new.push(Planned::at_once(None, delivery));
                continue;
            };
            for (destination, rules, zone) in own {
                if rules.tell(&delivery.fact, &delivery.circumstances) {
                    let not_before = rules.due(now, zone).filter(|_| delivery.fact.kind().waits());
                    new.push(Planned { not_before, ..Planned::at_once(Some(*destination), delivery) });
                }
            }
        }
        let mut flood = self.flood(tx, &new).await?;
        for one in &mut new {
            let of = (one.delivery.organisation, one.destination, one.delivery.fact.kind());
            if let Some(end) = flood.next(of, now) {
                one.not_before = one.not_before.max(Some(end));
                one.collapsed = true;
            }
        }
        deliveries::insert_planned(tx, Some(&self.configured), &new).await
    }
}

impl RecordDeliveries {
    /// What was heard of in the last minute by those who are told now.
    async fn flood(&self, tx: &mut Tx<'_, Tenants>, new: &[Planned<'_>]) -> Result<Flood, Error> {
        let Some(from) = self.flood_from else { return Ok(Flood::default()) };
        let mut told: Vec<_> = new.iter().map(|one| (one.delivery.organisation, one.destination)).collect();
        told.sort_unstable();
        told.dedup();
        let heard = deliveries::heard(tx, &told, i64::from(from) * KINDS_LOOKED_AT).await?;
        Ok(Flood::new(self.flood_from, heard))
    }
}
