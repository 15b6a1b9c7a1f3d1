//! Forgets orders of which nothing was said for long, a limited number at once.

use access::Permission;
use mediator::{Command, Platform, Tx};

use crate::error::Error;
use crate::store::orders;

/// Deletes some of the copied orders of which nothing was said for more than `keep_days`. The reply says whether there may be more.
#[derive(Debug, Clone)]
pub struct ForgetOrders {
    /// Days for which an order is kept after its last event.
    pub keep_days: i32,
}

impl Command for ForgetOrders {
    const NAME: &'static str = "notifier.forget-orders";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        orders::forget(tx, self.keep_days).await
    }
}
