//! An organisation: a seller. Every product, stock and order of the store belongs to exactly one.

use kernel::{Currency, OrganisationId, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Country, Name, TimeZone};

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
    /// Where it is based; ISO 3166-1, two letters.
    pub country: Option<Country>,
    /// The time zone of its days and quiet hours; IANA.
    pub time_zone: TimeZone,
    /// Whether its shop takes orders of people without an account.
    pub guests: bool,
    /// Whether it is in use. In a suspended one nothing can be done and its shop is closed; its people still reach their own
    /// accounts.
    pub active: bool,
    /// Rises by one with every change; the same number that the published state carries.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What an organisation changes of itself; what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct OrganisationChange {
    /// The name that people see.
    pub name: Option<Name>,
    /// Where it is based; none of none takes away what was said.
    pub country: Option<Option<Country>>,
    /// The time zone of its days.
    pub time_zone: Option<TimeZone>,
    /// Whether its shop takes orders of people without an account.
    pub guests: Option<bool>,
}

impl Organisation {
    /// A new organisation, active and in its first version.
    #[must_use]
    pub fn create(id: OrganisationId, slug: Slug, name: Name, currency: Currency, now: Timestamp) -> Self {
        Self {
            id,
            slug,
            name,
            currency,
            country: None,
            time_zone: TimeZone::default(),
            guests: true,
            active: true,
            version: 1,
            created_at: now,
        }
    }

    /// The organisation in its next version, with what is given changed; none when it is like that already.
    #[must_use]
    pub fn changed(&self, change: OrganisationChange) -> Option<Self> {
        let former = self.clone();
        let changed = Self {
            name: change.name.unwrap_or(former.name),
            country: change.country.unwrap_or(former.country),
            time_zone: change.time_zone.unwrap_or(former.time_zone),
            guests: change.guests.unwrap_or(former.guests),
            ..former
        };
        (changed != *self).then(|| Self { version: self.version + 1, ..changed })
    }
}
