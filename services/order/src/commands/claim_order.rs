//! A customer takes an order into their account that was placed as a guest's.

use access::Permission;
use kernel::{CustomerId, OrderId};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{finish, lock, prove};
use crate::{
    domain::{OrderToken, Ownership},
    error::Error,
    store::orders,
};

/// Claims an order by its token. Claiming one's own order again changes nothing.
#[derive(Debug, Clone)]
pub struct ClaimOrder {
    /// The order to claim.
    pub order: OrderId,
    /// What proves that it is the customer's own.
    pub token: OrderToken,
    /// The customer.
    pub customer: CustomerId,
}

impl Command for ClaimOrder {
    const NAME: &'static str = "order.claim-order";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        prove(tx, self.order, &Ownership::Token(self.token.clone())).await?;
        let mut order = lock(tx, self.order).await?;
        let step = order.claim(self.customer)?;
        if step.is_some() {
            orders::claim(tx, self.order, self.customer).await?;
        }
        finish(tx, order, step).await.map(drop)
    }
}
