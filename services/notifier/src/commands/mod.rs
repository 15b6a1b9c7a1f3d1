//! What the notifier is asked to do, each in one transaction: one file, one use case.

mod apply_organisations;
mod record_deliveries;

pub use apply_organisations::{ApplyOrganisations, OrganisationChange};
pub use record_deliveries::RecordDeliveries;
