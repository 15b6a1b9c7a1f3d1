//! The organisations that this service's copy of the catalog holds anything of.

use std::collections::BTreeSet;

use access::Permission;
use diesel::{CombineDsl, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::OrganisationId;
use mediator::{Platform, Query};
use persistence::ReadConn;
use uuid::Uuid;

use crate::{
    error::Error,
    schema::{sellable, sellable_products},
};

/// Asks for every organisation with rows in the copy of the catalog.
#[derive(Debug, Clone, Copy)]
pub struct ListSellingOrganisations;

impl Query for ListSellingOrganisations {
    const NAME: &'static str = "order.list-selling-organisations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeSet<OrganisationId>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let ids: Vec<Uuid> = sellable_products::table
            .select(sellable_products::org_id)
            .union(sellable::table.select(sellable::org_id))
            .load(read.connection())
            .await?;
        Ok(ids.into_iter().map(OrganisationId::from_uuid).collect())
    }
}
