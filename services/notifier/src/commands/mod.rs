//! The use cases of the notifier that write: one file each, one transaction each.

mod apply_organisations;
mod record_deliveries;

pub use apply_organisations::{ApplyOrganisations, OrganisationChange};
pub use record_deliveries::RecordDeliveries;
