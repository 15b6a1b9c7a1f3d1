//! The end of a rebuild in one organisation: a product that no record of the topic is about does not
//! exist, and the counts are made anew.

use access::Permission;
use kernel::{ProductId, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::{error::Error, store::products};

/// Removes the products that no record has touched since the rebuild began. Replies with how many there were.
#[derive(Debug, Clone)]
pub struct DropUntouchedProducts {
    /// When the rebuild began, by the database's clock and before the topic's end was read.
    pub since: Timestamp,
    /// Products with a record of a type that this program does not know. They stay although nothing touched them.
    pub unknown: Vec<ProductId>,
}

impl Command for DropUntouchedProducts {
    const NAME: &'static str = "category.drop-untouched-products";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = i64;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<i64, Error> {
        products::drop_untouched(tx, self.since, &self.unknown).await
    }
}
