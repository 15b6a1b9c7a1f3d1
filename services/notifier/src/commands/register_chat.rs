//! Gives the configured chat a budget, and finds the chats of earlier configurations that are still owed deliveries.

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::domain::Chat;
use crate::error::Error;
use crate::store::budgets;

/// Makes sure that the chat has a budget. The reply is every chat that has one.
#[derive(Debug, Clone)]
pub struct RegisterChat {
    /// The configured chat.
    pub chat: Chat,
}

impl Command for RegisterChat {
    const NAME: &'static str = "notifier.register-chat";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Vec<Chat>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Vec<Chat>, Error> {
        budgets::register(tx, &self.chat).await?;
        budgets::chats(tx).await
    }
}
