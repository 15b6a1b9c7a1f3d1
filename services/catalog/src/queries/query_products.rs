//! Products as a query finds them, for staff.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Answer, Entity as _, Request};

use super::product_fields::Products;
use crate::error::Error;

/// Asks for products.
#[derive(Debug, Clone)]
pub struct QueryProducts(pub Request<Products>);

impl Query for QueryProducts {
    const NAME: &'static str = "catalog.query-products";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Answer<Products>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<Products>, Error> {
        Ok(self.0.answer(read, Products::registry()).await?)
    }
}
