//! The end of a rebuild of who may do what in one organisation: a place that no record of the topic is about does not exist.

use access::Permission;
use kernel::{MembershipId, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::{error::Error, store::members};

/// Removes the places of people that no record has touched since the rebuild began. Replies with how many there were.
#[derive(Debug, Clone)]
pub struct DropUntouchedMembers {
    /// When the rebuild began, by the database's clock and before the topic's end was read.
    pub since: Timestamp,
    /// Places with a record of a type that this program does not know. They stay although nothing touched them.
    pub unknown: Vec<MembershipId>,
}

impl Command for DropUntouchedMembers {
    const NAME: &'static str = "order.drop-untouched-members";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = i64;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<i64, Error> {
        let dropped = members::drop_untouched(tx, self.since, &self.unknown).await?;
        Ok(i64::try_from(dropped).unwrap_or(i64::MAX))
    }
}
