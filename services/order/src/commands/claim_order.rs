//! A customer takes an order into their account that was placed as a guest's.

use access::Permission;
use kernel::{CustomerId, OrderId};
use mediator::{Command, Tenant};
use persistence::Tx;

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
        let not_found = Error::NotFound { order: self.order };
        let proof = Ownership::Token(self.token.clone());
        let stored = orders::proofs(tx, self.order).await?;
        if !stored.is_some_and(|(token, customer)| proof.holds(&token, customer)) {
            return Err(not_found);
        }
        // Of an order of somebody else, the answer is as if the token were wrong.
        if orders::claim(tx, self.order, self.customer).await? { Ok(()) } else { Err(not_found) }
    }
}
