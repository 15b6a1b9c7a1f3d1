//! Rows that name an order and whose it is, for the sweeps.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_types::Uuid as SqlUuid};
use kernel::{OrderId, OrganisationId};
use uuid::Uuid;

#[derive(QueryableByName)]
pub(super) struct OwnedRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The orders of each organisation, in the order of the rows.
pub(super) fn by_organisation(rows: Vec<OwnedRow>) -> BTreeMap<OrganisationId, Vec<OrderId>> {
    let mut orders: BTreeMap<OrganisationId, Vec<OrderId>> = BTreeMap::new();
    for row in rows {
        orders.entry(OrganisationId::from_uuid(row.org_id)).or_default().push(OrderId::from_uuid(row.id));
    }
    orders
}
