//! The attributes that the organisation's products can have. There are at most 500, so they are read at once.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use crate::domain::attribute::AttributeDefinition;
use crate::error::Error;
use crate::projections::attribute::Row;
use crate::schema::attribute_definitions as definitions;

/// Asks for all attributes, in the order in which they were created.
#[derive(Debug, Clone, Copy)]
pub struct ListAttributes;

impl Query for ListAttributes {
    const NAME: &'static str = "catalog.list-attributes";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Vec<AttributeDefinition>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<AttributeDefinition>, Error> {
        all(read).await
    }
}

/// All attributes of the organisation, in the order in which they were created.
pub(super) async fn all(read: &mut ReadConn<'_>) -> Result<Vec<AttributeDefinition>, Error> {
    let rows: Vec<Row> = definitions::table
        .filter(definitions::org_id.eq(read.organisation().uuid()))
        .order_by(definitions::position)
        .select(Row::as_select())
        .load(read.connection())
        .await?;
    rows.into_iter().map(AttributeDefinition::try_from).collect()
}
