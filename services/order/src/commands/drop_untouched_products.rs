//! The end of a rebuild in one organisation: what no record of the topic speaks of does not exist.

use access::Permission;
use kernel::{ProductId, Timestamp};
use mediator::Command;
use persistence::Tx;

use crate::{error::Error, store::sellable};

/// Removes the products that no record spoke of since the rebuild began.
#[derive(Debug, Clone)]
pub struct DropUntouchedProducts {
    /// When the rebuild began, by the database's clock and before the topic's end was read.
    pub since: Timestamp,
    /// Products that stay although no record was applied: this program does not know the type of theirs.
    pub kept: Vec<ProductId>,
}

impl Command for DropUntouchedProducts {
    const NAME: &'static str = "order.drop-untouched-products";
    const REQUIRES: Permission = Permission::System;
    /// How many products went.
    type Reply = i64;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<i64, Error> {
        sellable::drop_untouched(tx, self.since, &self.kept).await
    }
}
