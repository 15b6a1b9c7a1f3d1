//! The organisations whose people this service's copy of who may do what names.

use std::collections::BTreeSet;

use access::Permission;
use diesel::{QueryableByName, sql_types::Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::OrganisationId;
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};
use uuid::Uuid;

use crate::error::Error;

/// Asks for every organisation with rows in the copy of who may do what.
#[derive(Debug, Clone, Copy)]
pub struct ListStaffedOrganisations;

impl Query for ListStaffedOrganisations {
    const NAME: &'static str = "order.list-staffed-organisations";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = BTreeSet<OrganisationId>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let rows: Vec<StaffedRow> = statement("select distinct org_id from members").load(read.connection()).await?;
        Ok(rows.into_iter().map(|row| OrganisationId::from_uuid(row.org_id)).collect())
    }
}

#[derive(QueryableByName)]
struct StaffedRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
}
