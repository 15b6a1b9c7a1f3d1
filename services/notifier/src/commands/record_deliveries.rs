//! Facts become deliveries in the transaction that takes their events: every delivery is a row before it is a message.
//! The rule: an organisation's destinations are told what their rules let through. An organisation that has none is told of in
//! the chat of the configuration.

use access::Permission;
use mediator::{Command, Tenants, Tx};

use crate::domain::{Chat, NewDelivery};
use crate::error::Error;
use crate::store::{deliveries, destinations};

/// Facts, of however many organisations, that are to be told.
#[derive(Debug, Clone)]
pub struct RecordDeliveries {
    /// The chat of the configuration.
    pub configured: Chat,
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
        let mut new = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            match linked.get(&delivery.organisation) {
                None => new.push((None, delivery)),
                Some(own) => {
                    let told = own.iter().filter(|(_, rules)| rules.tell(&delivery.fact, &delivery.circumstances));
                    new.extend(told.map(|(destination, _)| (Some(*destination), delivery)));
                }
            }
        }
        deliveries::insert(tx, Some(&self.configured), &new).await
    }
}
