//! The organisations that this service's copy of which product stands where holds anything of.

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
    schema::{product_counts, product_placements},
};

/// Asks for every organisation with rows in the copy, or with counts.
#[derive(Debug, Clone, Copy)]
pub struct ListCountedOrganisations;

impl Query for ListCountedOrganisations {
    const NAME: &'static str = "category.list-counted-organisations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeSet<OrganisationId>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let ids: Vec<Uuid> = product_placements::table
            .select(product_placements::org_id)
            .union(product_counts::table.select(product_counts::org_id))
            .load(read.connection())
            .await?;
        Ok(ids.into_iter().map(OrganisationId::from_uuid).collect())
    }
}
