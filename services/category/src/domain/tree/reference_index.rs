//! Which category each system calls what. The rule: a reference names one category.

use std::collections::BTreeMap;

use kernel::{CategoryId, Slug};

use super::TreeError;
use crate::domain::{ReferenceValue, References};

/// The category of each reference.
#[derive(Debug, Default)]
pub(super) struct ReferenceIndex(BTreeMap<(Slug, ReferenceValue), CategoryId>);

impl ReferenceIndex {
    /// Checks that no other category has one of the references.
    pub(super) fn check(&self, id: CategoryId, references: &References) -> Result<(), TreeError> {
        for (system, value) in references.iter() {
            let owner = self.0.get(&(system.clone(), value.clone()));
            if let Some(category) = owner.copied().filter(|owner| *owner != id) {
                return Err(TreeError::ReferenceTaken { system: system.clone(), value: value.clone(), category });
            }
        }
        Ok(())
    }

    /// Takes the references of a category away and gives it others.
    pub(super) fn replace(&mut self, id: CategoryId, before: &References, after: &References) {
        for (system, value) in before.iter() {
            self.0.remove(&(system.clone(), value.clone()));
        }
        self.0.extend(after.iter().map(|(system, value)| ((system.clone(), value.clone()), id)));
    }
}
