//! The people who ordered as a query finds them, and what can be asked of them.

use access::Permission;
use mediator::{Query, Tenant};
use persistence::ReadConn;
use query::{Answer, Entity as _, FieldList, Request};

use super::buyer_fields::Buyers;
use crate::error::Error;

/// Asks for people who ordered.
#[derive(Debug, Clone)]
pub struct QueryBuyers(pub Request<Buyers>);

/// Asks for their fields.
#[derive(Debug, Clone)]
pub struct DescribeBuyers;

impl Query for QueryBuyers {
    const NAME: &'static str = "order.query-customers";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Answer<Buyers>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Answer<Buyers>, Error> {
        Ok(self.0.answer(read, Buyers::registry()).await?)
    }
}

impl Query for DescribeBuyers {
    const NAME: &'static str = "order.describe-customers";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = FieldList;
    type Error = Error;

    async fn fetch(&self, _: &mut ReadConn<'_>) -> Result<FieldList, Error> {
        Ok(Buyers::registry().describe())
    }
}
