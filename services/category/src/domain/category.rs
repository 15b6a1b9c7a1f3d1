//! One category: its details, its place and its version. Only a `Tree` changes one, because every rule is about neighbours.

use kernel::{CategoryId, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CategoryName, Details};

/// Where a category stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The parent category; none for a root.
    pub parent: Option<CategoryId>,
    /// Every category from the root down to this one.
    pub path: Vec<CategoryId>,
    /// Index among its siblings, from 0 and without gaps.
    pub position: i32,
}

/// A category as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Category {
    id: CategoryId,
    parent: Option<CategoryId>,
    #[serde(flatten)]
    details: Details,
    /// From the root to the category itself.
    path: Vec<CategoryId>,
    /// Index among its siblings, from 0 and without gaps.
    position: i32,
    /// When it was retired, with everything below it. A category below it has none of its own for that.
    #[serde(default)]
    retired_at: Option<Timestamp>,
    /// Rises by one with every change; the same number that the published state carries.
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Category {
    /// A category that does not exist yet, in its first version.
    pub(crate) fn create(id: CategoryId, details: Details, at: Placement, now: Timestamp) -> Self {
        Self::restore(id, details, at, None, 1, now, now)
    }

    /// A category as it is stored.
    #[must_use]
    pub fn restore(
        id: CategoryId,
        details: Details,
        at: Placement,
        retired_at: Option<Timestamp>,
        version: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Self {
        let Placement { parent, path, position } = at;
        Self { id, parent, details, path, position, retired_at, version, created_at, updated_at }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> CategoryId {
        self.id
    }

    /// The parent category; none for a root.
    #[must_use]
    pub fn parent(&self) -> Option<CategoryId> {
        self.parent
    }

    /// The name that people see.
    #[must_use]
    pub fn name(&self) -> &CategoryName {
        &self.details.name
    }

    /// The name in addresses, unique among its siblings.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        &self.details.slug
    }

    /// What it says of itself.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// Every category from the root down to this one.
    #[must_use]
    pub fn path(&self) -> &[CategoryId] {
        &self.path
    }

    /// Index among its siblings.
    #[must_use]
    pub fn position(&self) -> i32 {
        self.position
    }

    /// When it was retired itself; a category below a retired one has none for that.
    #[must_use]
    pub fn retired_at(&self) -> Option<Timestamp> {
        self.retired_at
    }

    /// Rises by one with every change, from 1.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it last changed.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// Moves it to a place. False when it stood there already.
    pub(crate) fn place(&mut self, at: Placement) -> bool {
        let Placement { parent, path, position } = at;
        let differs = self.parent != parent || self.path != path || self.position != position;
        (self.parent, self.path, self.position) = (parent, path, position);
        differs
    }

    /// Moves it among its siblings. False when it stood there already.
    pub(crate) fn stand(&mut self, position: i32) -> bool {
        let differs = self.position != position;
        self.position = position;
        differs
    }

    /// Takes the path that follows from a change further up. No change of this category: neither version nor time.
    pub(crate) fn carry(&mut self, path: Vec<CategoryId>) {
        self.path = path;
    }

    /// Sets its details. False when it had the same already.
    pub(crate) fn describe(&mut self, details: Details) -> bool {
        let differs = self.details != details;
        self.details = details;
        differs
    }

    /// Retires it, or takes that back. False when it was so already.
    pub(crate) fn set_retired(&mut self, at: Option<Timestamp>) -> bool {
        let differs = self.retired_at.is_some() != at.is_some();
        if differs {
            self.retired_at = at;
        }
        differs
    }

    /// Raises the version once for a change.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}
