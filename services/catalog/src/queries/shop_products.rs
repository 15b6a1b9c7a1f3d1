//! Products of the public shop, as a query finds them. The usual pages are answered from the cache.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Answer, Entity as _, Request};

use super::product_fields::ShopProducts;
use crate::error::Error;

/// Asks for products of the shop.
#[derive(Debug, Clone)]
pub struct QueryShopProducts(pub Request<ShopProducts>);

impl Query for QueryShopProducts {
    const NAME: &'static str = "catalog.query-shop-products";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = Answer<ShopProducts>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<ShopProducts>, Error> {
        Ok(self.0.answer(read, ShopProducts::registry()).await?)
    }
}
