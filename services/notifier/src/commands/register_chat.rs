//! Gives the carriers and the configured chat a budget.

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::domain::{Chat, Lane};
use crate::error::Error;
use crate::store::budgets;

/// Makes sure that the carriers and the chat have a budget.
#[derive(Debug, Clone)]
pub struct RegisterChat {
    /// The configured chat.
    pub chat: Chat,
}

impl Command for RegisterChat {
    const NAME: &'static str = "notifier.register-chat";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        budgets::register(tx, &Lane::of_chat(&self.chat)).await
    }
}
