//! Tells what became of pressed buttons, where they were pressed. That is a delivery like any other, so it is told for certain.

use std::collections::BTreeSet;

use access::Permission;
use kernel::DestinationId;
use mediator::{Command, Tenants, Tx};

use crate::domain::{Chat, NewDelivery};
use crate::error::Error;
use crate::store::{deliveries, destinations};

/// Outcomes, of however many organisations, that are to be told.
#[derive(Debug, Clone)]
pub struct TellOutcomes {
    /// The chat of the configuration.
    pub configured: Chat,
    /// The outcomes, each with the destination where it was asked for; none is the chat of the configuration.
    pub outcomes: Vec<(Option<DestinationId>, NewDelivery)>,
}

impl Command for TellOutcomes {
    const NAME: &'static str = "notifier.tell-outcomes";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let organisations: BTreeSet<_> = self.outcomes.iter().map(|(_, outcome)| outcome.organisation).collect();
        let linked = destinations::linked(tx, &organisations.into_iter().collect::<Vec<_>>()).await?;
        let there = |(to, outcome): &&(Option<DestinationId>, NewDelivery)| match to {
            None => true,
            // It may have been deleted meanwhile.
            Some(to) => linked.get(&outcome.organisation).is_some_and(|own| own.iter().any(|(id, ..)| id == to)),
        };
        let new: Vec<_> = self.outcomes.iter().filter(there).map(|(to, outcome)| (*to, outcome)).collect();
        deliveries::insert(tx, Some(&self.configured), &new).await
    }
}
