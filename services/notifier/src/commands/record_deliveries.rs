//! Facts become deliveries in the transaction that takes their events: every delivery is a row before it is a message.

use access::Permission;
use mediator::{Command, Tenants, Tx};

use crate::domain::{Chat, NewDelivery};
use crate::error::Error;
use crate::store::deliveries;

/// Facts, of however many organisations, that are to be sent to one chat.
#[derive(Debug, Clone)]
pub struct RecordDeliveries {
    /// The chat.
    pub chat: Chat,
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
        deliveries::insert(tx, &self.chat, &self.deliveries).await
    }
}
