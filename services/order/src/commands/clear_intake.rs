//! Removes what became of orders that were taken in, and of what people asked for in a chat, once nobody asks any more.

use std::time::Duration;

use access::Permission;
use mediator::{Command, Platform};
use persistence::Tx;

use crate::{
    error::Error,
    store::{answered, intake},
};

/// How long what was asked for in a chat is remembered: as long as an inbox remembers its event, which is longer than a topic or a
/// dead letter could bring it again.
const ANSWERED_KEPT: Duration = Duration::from_secs(45 * 86_400);
/// The most orders of one transaction.
const AT_ONCE: i64 = 5_000;

/// Removes what was decided long ago, some at a time; whether there may be more. The orders that were placed stay.
#[derive(Debug, Clone, Copy)]
pub struct ClearIntake {
    /// How long they are kept.
    pub kept: Duration,
}

impl Command for ClearIntake {
    const NAME: &'static str = "order.clear-intake";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        let decided = intake::clear(tx, self.kept.as_secs_f64(), AT_ONCE).await?;
        let removed = decided.max(answered::clear(tx, ANSWERED_KEPT.as_secs_f64(), AT_ONCE).await?);
        Ok(i64::try_from(removed).is_ok_and(|removed| removed >= AT_ONCE))
    }
}
