//! Makes every failed delivery pending again when the cause is mended: a wrong token, or a chat that the bot had left.

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::domain::Chat;
use crate::error::Error;
use crate::store::deliveries;

/// Makes all failed deliveries pending, those without a destination for this chat. The reply is their number.
#[derive(Debug, Clone)]
pub struct RetryFailed {
    /// The chat that is configured now.
    pub chat: Chat,
}

impl Command for RetryFailed {
    const NAME: &'static str = "notifier.retry-failed";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        deliveries::retry_failed(tx, &self.chat).await
    }
}
