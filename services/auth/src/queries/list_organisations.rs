//! Every organisation of the installation, for those who run it.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::OrganisationId;
use mediator::{Platform, Query, ReadConn};

use crate::{domain::Organisation, error::Error, projections::OrganisationRow, schema::organisations};

/// Asks for the organisations by slug, at most 1,000 from an offset on.
#[derive(Debug, Clone, Copy)]
pub struct ListOrganisations {
    /// How many are passed over.
    pub offset: i64,
}

impl Query for ListOrganisations {
    const NAME: &'static str = "auth.list-organisations";
    const REQUIRES: Permission = Permission::PlatformManage;
    type Tenancy = Platform;
    type Reply = Vec<Organisation>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let rows: Vec<OrganisationRow> = organisations::table
            .order(organisations::slug)
            .offset(self.offset)
            .limit(1_000)
            .select(OrganisationRow::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(Organisation::try_from).collect()
    }
}

/// Asks for one organisation of the installation.
#[derive(Debug, Clone, Copy)]
pub struct FindAnyOrganisation {
    /// The organisation.
    pub organisation: OrganisationId,
}

impl Query for FindAnyOrganisation {
    const NAME: &'static str = "auth.find-any-organisation";
    const REQUIRES: Permission = Permission::PlatformManage;
    type Tenancy = Platform;
    type Reply = Organisation;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Organisation, Error> {
        let row: Option<OrganisationRow> = organisations::table
            .filter(organisations::org_id.eq(self.organisation.uuid()))
            .select(OrganisationRow::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        row.ok_or(Error::UnknownOrganisation)?.try_into()
    }
}
