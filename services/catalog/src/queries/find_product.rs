//! One product with its variants, for staff.

use access::Permission;
use kernel::ProductId;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use crate::domain::product::Product;
use crate::error::Error;
use crate::projections;

/// Asks for one product.
#[derive(Debug, Clone, Copy)]
pub struct FindProduct {
    /// The product.
    pub product: ProductId,
}

impl Query for FindProduct {
    const NAME: &'static str = "catalog.find-product";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Product, Error> {
        let organisation = read.organisation();
        projections::product::by_id(read.connection(), organisation, self.product).await
    }
}
