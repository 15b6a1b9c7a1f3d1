//! The locations of an organisation. There are at most 50, so they are read at once.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, Tenant};
use persistence::ReadConn;

use crate::domain::location::Location;
use crate::error::Error;
use crate::projections::location::Row;
use crate::schema::locations;

/// Asks for all locations, those that serve first in front.
#[derive(Debug, Clone, Copy)]
pub struct ListLocations;

impl Query for ListLocations {
    const NAME: &'static str = "catalog.list-locations";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Vec<Location>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<Location>, Error> {
        let rows: Vec<Row> = locations::table
            .filter(locations::org_id.eq(read.organisation().uuid()))
            .order_by((locations::priority, locations::code))
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(Location::try_from).collect()
    }
}
