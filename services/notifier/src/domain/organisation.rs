//! The names under which people know an organisation.

use kernel::{OrganisationId, Slug};

/// The names of an organisation, as its topic has them.
#[derive(Debug, Clone)]
pub struct OrganisationName {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Whether it still trades.
    pub active: bool,
    /// The version of this state.
    pub version: i64,
}
