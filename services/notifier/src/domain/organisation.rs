//! The name under which a person knows an organisation.

use kernel::Slug;

/// An organisation as its topic states it.
#[derive(Debug, Clone)]
pub struct OrganisationName {
    /// Its word in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Whether it still trades.
    pub active: bool,
    /// The version of this state.
    pub version: i64,
}
