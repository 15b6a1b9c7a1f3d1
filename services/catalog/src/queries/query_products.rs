//! Products as a query finds them, for staff and in the shop, and what can be asked of them.
//! The rule: the organisation's attributes are looked up only where a request names one.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::CategoryId;
use mediator::{Query, Tenant};
use persistence::{ReadConn, statement};
use query::{Answer, Entity, Faults, FieldList, Request};
use serde::Serialize;

use super::list_attributes;
use super::product_fields::{ATTRIBUTES, Products, ShopProducts, attributes};
use crate::error::Error;

/// Asks for products.
#[derive(Debug, Clone)]
pub struct QueryProducts(pub Request<Products>);

/// Asks for the fields of products.
#[derive(Debug, Clone)]
pub struct DescribeProducts;

/// Asks for products of the shop. The usual pages are answered from the cache.
#[derive(Debug, Clone)]
pub struct QueryShopProducts(pub Request<ShopProducts>);

/// Asks for a page of the shop, and whether the organisation has the category that it is of.
#[derive(Debug, Clone)]
pub struct QueryShopPage {
    /// The page.
    pub query: QueryShopProducts,
    /// The category that it is of, if it is of one.
    pub category: Option<CategoryId>,
}

/// A page of the shop.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct ShopPage {
    answer: Answer<ShopProducts>,
    #[serde(skip)]
    is_of_a_known_category: bool,
}

impl ShopPage {
    /// Whether it is of everything, or of a category in use of the organisation.
    #[must_use]
    pub fn is_of_a_known_category(&self) -> bool {
        self.is_of_a_known_category
    }
}

/// Asks for the fields of products in the shop.
#[derive(Debug, Clone)]
pub struct DescribeShopProducts;

impl Query for QueryProducts {
    const NAME: &'static str = "catalog.query-products";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Answer<Products>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<Products>, Error> {
        answer(&self.0, read).await
    }
}

impl Query for DescribeProducts {
    const NAME: &'static str = "catalog.describe-products";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        describe::<Products>(read).await
    }
}

impl Query for QueryShopProducts {
    const NAME: &'static str = "catalog.query-shop-products";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = Answer<ShopProducts>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<ShopProducts>, Error> {
        answer(&self.0, read).await
    }
}

impl Query for QueryShopPage {
    const NAME: &'static str = "catalog.query-shop-page";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = ShopPage;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ShopPage, Error> {
        let is_of_a_known_category = match self.category {
            Some(category) => is_in_use(read, category).await?,
            None => true,
        };
        let answer = answer(&self.query.0, read).await?;
        Ok(ShopPage { answer, is_of_a_known_category })
    }
}

impl Query for DescribeShopProducts {
    const NAME: &'static str = "catalog.describe-shop-products";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        describe::<ShopProducts>(read).await
    }
}

/// Answers a request for products.
pub(super) async fn answer<E: Entity>(request: &Request<E>, read: &mut ReadConn<'_>) -> Result<Answer<E>, Error> {
    if !request.names(ATTRIBUTES) {
        match request.answer(read, E::registry()).await {
            // Whoever leaves out the beginning of an attribute's name is told the nearest one.
            Err(query::Error::Refused(_)) => {}
            answered => return Ok(answered?),
        }
    }
    let own = attributes(list_attributes::all(read).await?);
    Ok(request.answer(read, &E::registry().with(own)).await?)
}

#[derive(QueryableByName)]
struct InUseRow {
    #[diesel(sql_type = Bool)]
    in_use: bool,
}

async fn is_in_use(read: &mut ReadConn<'_>, category: CategoryId) -> Result<bool, Error> {
    let found: InUseRow =
        statement("select exists (select from searchable_categories where category_id = $1) as in_use")
            .bind::<SqlUuid, _>(category.uuid())
            .get_result(read.connection())
            .await?;
    Ok(found.in_use)
}

/// What is wrong with a request for products.
pub(super) async fn check<E: Entity>(
    request: &Request<E>,
    read: &mut ReadConn<'_>,
) -> Result<Result<(), Faults>, Error> {
    if !request.names(ATTRIBUTES) {
        return Ok(request.check(E::registry()));
    }
    let own = attributes(list_attributes::all(read).await?);
    Ok(request.check(&E::registry().with(own)))
}

async fn describe<E: Entity>(read: &mut ReadConn<'_>) -> Result<FieldList, Error> {
    let own = attributes(list_attributes::all(read).await?);
    Ok(E::registry().with(own).describe())
}
