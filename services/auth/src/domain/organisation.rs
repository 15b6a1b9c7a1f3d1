//! An organisation: a seller. Every product, stock and order of the store belongs to exactly one.

use kernel::{Currency, OrganisationId, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Name;

/// An organisation as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organisation {
    /// Its identity.
    pub id: OrganisationId,
    /// Its name in addresses, unique in the installation.
    pub slug: Slug,
    /// The name that people see.
    pub name: Name,
    /// What its prices are in unless they say otherwise.
    pub currency: Currency,
    /// Whether it is in use: nobody can log in to an inactive one, and its shop is closed.
    pub active: bool,
    /// Rises by one with every change; the same number that the published state carries.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Organisation {
    /// A new organisation, active and in its first version.
    #[must_use]
    pub fn create(id: OrganisationId, slug: Slug, name: Name, currency: Currency, now: Timestamp) -> Self {
        Self { id, slug, name, currency, active: true, version: 1, created_at: now }
    }
}
