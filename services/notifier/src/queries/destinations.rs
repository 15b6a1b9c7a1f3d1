//! The destinations of an organisation. There are at most 50, so they are read at once.

use access::Permission;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::DestinationId;
use mediator::{Query, ReadConn, Tenant};

use crate::domain::Destination;
use crate::error::Error;
use crate::projections::destination::{Row, Whole, muted_until};
use crate::schema::{destinations, recipients};

/// Asks for all destinations, in the order in which they were created.
#[derive(Debug, Clone, Copy)]
pub struct ListDestinations;

impl Query for ListDestinations {
    const NAME: &'static str = "notifier.list-destinations";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Vec<Destination>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<Destination>, Error> {
        let rows: Vec<Whole> = destinations::table
            .left_join(
                recipients::table
                    .on(recipients::org_id.eq(destinations::org_id).and(recipients::destination.eq(destinations::id))),
            )
            .filter(destinations::org_id.eq(read.organisation().uuid()))
            .order(destinations::id)
            .select((Row::as_select(), muted_until(), recipients::address.nullable()))
            .load(read.connection())
            .await?;
        rows.into_iter().map(|(row, muted_until, address)| row.with(muted_until, address.as_deref())).collect()
    }
}

/// Asks for one destination.
#[derive(Debug, Clone, Copy)]
pub struct FindDestination {
    /// The destination.
    pub destination: DestinationId,
}

impl Query for FindDestination {
    const NAME: &'static str = "notifier.find-destination";
    const REQUIRES: Permission = Permission::OrderRead;
    type Tenancy = Tenant;
    type Reply = Destination;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Destination, Error> {
        let found: Option<Whole> = destinations::table
            .left_join(
                recipients::table
                    .on(recipients::org_id.eq(destinations::org_id).and(recipients::destination.eq(destinations::id))),
            )
            .filter(destinations::org_id.eq(read.organisation().uuid()))
            .filter(destinations::id.eq(self.destination.uuid()))
            .select((Row::as_select(), muted_until(), recipients::address.nullable()))
            .get_result(read.connection())
            .await
            .optional()?;
        let (row, muted_until, address) = found.ok_or(Error::UnknownDestination { destination: self.destination })?;
        row.with(muted_until, address.as_deref())
    }
}
