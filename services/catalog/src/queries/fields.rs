//! What can be asked of an entity, for people and programs.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Entity as _, FieldList};

use super::product_fields::{Products, ShopProducts};
use super::variant_fields::Variants;
use crate::error::Error;

/// Asks for the fields of products.
#[derive(Debug, Clone)]
pub struct DescribeProducts;

/// Asks for the fields of variants.
#[derive(Debug, Clone)]
pub struct DescribeVariants;

/// Asks for the fields of products in the shop.
#[derive(Debug, Clone)]
pub struct DescribeShopProducts;

impl Query for DescribeProducts {
    const NAME: &'static str = "catalog.describe-products";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, _: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        Ok(Products::registry().describe())
    }
}

impl Query for DescribeVariants {
    const NAME: &'static str = "catalog.describe-variants";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, _: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        Ok(Variants::registry().describe())
    }
}

impl Query for DescribeShopProducts {
    const NAME: &'static str = "catalog.describe-shop-products";
    const REQUIRES: Permission = Permission::StoreBrowse;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, _: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        Ok(ShopProducts::registry().describe())
    }
}
