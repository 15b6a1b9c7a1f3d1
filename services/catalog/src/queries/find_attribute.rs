//! One attribute that the organisation's products can have.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use crate::domain::attribute::{AttributeCode, AttributeDefinition};
use crate::error::Error;
use crate::projections::attribute::Row;
use crate::schema::attribute_definitions as definitions;

/// Asks for one attribute.
#[derive(Debug, Clone)]
pub struct FindAttribute {
    /// The attribute.
    pub code: AttributeCode,
}

impl Query for FindAttribute {
    const NAME: &'static str = "catalog.find-attribute";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = AttributeDefinition;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<AttributeDefinition, Error> {
        let row: Option<Row> = definitions::table
            .filter(definitions::org_id.eq(read.organisation().uuid()))
            .filter(definitions::code.eq(self.code.as_str()))
            .select(Row::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        row.ok_or_else(|| Error::AttributeNotFound { code: self.code.clone() })?.try_into()
    }
}
