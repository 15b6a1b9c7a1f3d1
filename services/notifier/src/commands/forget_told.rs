//! Removes deliveries that were sent long ago, a limited number at once.

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::error::Error;
use crate::store::deliveries;

/// Removes the first deliveries that were sent before the time to keep. The reply says whether there may be more.
#[derive(Debug, Clone)]
pub struct ForgetTold {
    /// Days for which sent deliveries are kept.
    pub keep_days: i32,
}

impl Command for ForgetTold {
    const NAME: &'static str = "notifier.forget-told";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        deliveries::forget_told(tx, self.keep_days).await
    }
}
