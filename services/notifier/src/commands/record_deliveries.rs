//! Facts become deliveries, in the transaction that consumes their events: a delivery is a row before it is a message.

use access::Permission;
use mediator::{Command, Tx};

use crate::domain::{Chat, NewDelivery};
use crate::error::Error;
use crate::store::deliveries;

/// Facts of one organisation that one chat is to hear of.
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
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        deliveries::insert(tx, &self.chat, &self.deliveries).await?;
        Ok(())
    }
}
