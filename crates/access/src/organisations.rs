//! The organisations of the installation, as auth's compacted topic has them: whose shop an address means.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kernel::{Currency, OrganisationId, Slug};

/// What every service knows of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub organisation: OrganisationId,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it sells in.
    pub currency: Currency,
    /// Whether its shop takes orders of people without an account.
    pub guests: bool,
    /// Whether its shop is open.
    pub active: bool,
}

/// All organisations; clones share them.
#[derive(Clone, Default)]
pub struct Organisations(Arc<RwLock<Table>>);

#[derive(Default)]
struct Table {
    by_id: HashMap<OrganisationId, Organisation>,
    by_slug: HashMap<Slug, OrganisationId>,
}

impl Organisations {
    /// A table without organisations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what is known of an organisation. When its slug changes, the former slug no longer leads to it.
    pub fn apply(&self, known: Organisation) {
        let mut table = self.write();
        table.forget(known.organisation);
        table.by_slug.insert(known.slug.clone(), known.organisation);
        table.by_id.insert(known.organisation, known);
    }

    /// Forgets an organisation.
    pub fn remove(&self, organisation: OrganisationId) {
        self.write().forget(organisation);
    }

    /// The organisation that an address means, active or not.
    #[must_use]
    pub fn by_slug(&self, slug: &str) -> Option<Organisation> {
        let table = self.read();
        table.by_slug.get(slug).and_then(|organisation| table.by_id.get(organisation)).cloned()
    }

    /// Whether an organisation is known to be inactive.
    #[must_use]
    pub fn is_suspended(&self, organisation: OrganisationId) -> bool {
        self.read().by_id.get(&organisation).is_some_and(|known| !known.active)
    }

    // Nothing panics while it holds the lock, and every change leaves the table consistent: a poisoned lock is still
    // good.
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget(&mut self, organisation: OrganisationId) {
        if let Some(former) = self.by_id.remove(&organisation) {
            // Another organisation may have taken the slug meanwhile.
            if self.by_slug.get(&former.slug) == Some(&organisation) {
                self.by_slug.remove(&former.slug);
            }
        }
    }
}

impl fmt::Debug for Organisations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.read().by_id.values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        Slug::parse(text).unwrap()
    }

    fn organisation(organisation: OrganisationId, text: &str) -> Organisation {
        let currency = Currency::parse("USD").unwrap();
        Organisation { organisation, slug: slug(text), currency, guests: true, active: true }
    }

    #[test]
    fn a_slug_leads_to_the_organisation_that_has_it_now() {
        let organisations = Organisations::new();
        let (first, second) = (OrganisationId::new(), OrganisationId::new());
        organisations.apply(organisation(first, "lamps"));
        organisations.apply(organisation(first, "bright-lamps"));
        assert_eq!(organisations.by_slug("lamps"), None);
        assert_eq!(organisations.by_slug("bright-lamps").unwrap().organisation, first);

        organisations.apply(organisation(second, "bright-lamps"));
        organisations.remove(first);
        assert_eq!(organisations.by_slug("bright-lamps").unwrap().organisation, second);
        organisations.remove(second);
        assert_eq!(organisations.by_slug("bright-lamps"), None);
    }

    #[test]
    fn a_closed_shop_is_known_as_closed() {
        let organisations = Organisations::new();
        let id = OrganisationId::new();
        let currency = Currency::parse("VND").unwrap();
        organisations.apply(Organisation { currency, active: false, ..organisation(id, "lamps") });
        assert!(organisations.is_suspended(id) && !organisations.is_suspended(OrganisationId::new()));
        let known = organisations.clone().by_slug("lamps").unwrap();
        assert!(!known.active);
        assert_eq!(known.currency.code(), "VND");
    }
}
