//! The caller's organisation.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, ReadConn, Tenant};

use crate::{domain::Organisation, error::Error, projections::OrganisationRow, schema::organisations};

/// Asks for the organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindOrganisation;

impl Query for FindOrganisation {
    const NAME: &'static str = "auth.find-organisation";
    const REQUIRES: Permission = Permission::OrganisationRead;
    type Tenancy = Tenant;
    type Reply = Organisation;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Organisation, Error> {
        let row: OrganisationRow = organisations::table
            .filter(organisations::org_id.eq(read.organisation().uuid()))
            .select(OrganisationRow::as_select())
            .get_result(read.connection())
            .await?;
        row.try_into()
    }
}
