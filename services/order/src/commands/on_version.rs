//! A step of an order that is made only to a version that the caller has seen. The rule: the order is locked before its version is
//! looked at, so nothing comes between the two.

use access::Permission;
use kernel::{Expected, OrderId};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::lock;
use crate::error::Error;

/// A step under a condition.
#[derive(Debug, Clone)]
pub struct OnVersion<C> {
    /// The order.
    pub order: OrderId,
    /// The versions that the step may be made to.
    pub expected: Expected,
    /// The step.
    pub step: C,
}

impl<C: Command<Tenancy = Tenant, Error = Error>> Command for OnVersion<C> {
    const NAME: &'static str = C::NAME;
    const REQUIRES: Permission = C::REQUIRES;
    type Tenancy = Tenant;
    type Reply = C::Reply;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<C::Reply, Error> {
        if self.expected != Expected::Any {
            let current = lock(tx, self.order).await?.version;
            if !self.expected.includes(current) {
                return Err(Error::Stale { order: self.order, current });
            }
        }
        self.step.execute(tx).await
    }
}
