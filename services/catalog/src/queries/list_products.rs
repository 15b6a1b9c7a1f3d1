//! A page of the catalog, for staff.

use access::Permission;
use kernel::Page;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use super::listing::{Listing, ProductSummary};
use crate::error::Error;

/// Asks for a page of products.
#[derive(Debug, Clone)]
pub struct ListProducts(pub Listing);

impl Query for ListProducts {
    const NAME: &'static str = "catalog.list-products";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Page<ProductSummary>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<ProductSummary>, Error> {
        self.0.read(read).await
    }
}
