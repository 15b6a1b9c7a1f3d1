//! The caller's organisation.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, ReadConn, Tenant};

use super::find_user::OrganisationRow;
use crate::{domain::Organisation, error::Error, schema::organisations};

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
        let id = read.organisation();
        let row: OrganisationRow = organisations::table
            .filter(organisations::org_id.eq(id.uuid()))
            .select(OrganisationRow::as_select())
            .get_result(read.connection())
            .await?;
        row.organisation().map_err(|malformed| Error::corrupt(id, &malformed))
    }
}
