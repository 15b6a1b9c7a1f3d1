//! Deletes deliveries that were sent long ago, a limited number at once.

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::error::Error;
use crate::store::deliveries;

/// Deletes some of the deliveries that were sent more than `keep_days` ago. The reply says whether there may be more.
#[derive(Debug, Clone)]
pub struct DeleteSent {
    /// Days for which sent deliveries are kept.
    pub keep_days: i32,
}

impl Command for DeleteSent {
    const NAME: &'static str = "notifier.delete-sent";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        deliveries::delete_sent(tx, self.keep_days).await
    }
}
