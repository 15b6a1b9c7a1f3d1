//! Variants and their stock as a query finds them, for staff, and what can be asked of them.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Answer, Entity as _, FieldList, Request};

use super::variant_fields::Variants;
use crate::error::Error;

/// Asks for variants.
#[derive(Debug, Clone)]
pub struct QueryVariants(pub Request<Variants>);

/// Asks for the fields of variants.
#[derive(Debug, Clone)]
pub struct DescribeVariants;

impl Query for QueryVariants {
    const NAME: &'static str = "catalog.query-variants";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Answer<Variants>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<Variants>, Error> {
        Ok(self.0.answer(read, Variants::registry()).await?)
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
