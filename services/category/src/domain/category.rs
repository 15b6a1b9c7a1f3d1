//! One category: its name, its place and its version. Only a `Tree` changes one, because every rule is about neighbours.

use kernel::{CategoryId, Malformed, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name that people see: 1 to 120 characters, trimmed, without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct CategoryName(String);

impl CategoryName {
    /// The longest name, in characters.
    pub const LIMIT: usize = 120;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// `Malformed` when nothing is left after trimming, it is longer than 120 characters, or a control character is in it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        let length = trimmed.chars().count();
        if length == 0 || length > Self::LIMIT {
            return Err(Malformed::new("category name", "must have 1 to 120 characters"));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("category name", "must not contain control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(CategoryName, {
    "type": "string",
    "minLength": 1, "maxLength": Self::LIMIT,
    "description": "The name that people see: 1 to 120 characters, trimmed, without control characters.",
});

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
    name: CategoryName,
    slug: Slug,
    /// From the root to the category itself.
    path: Vec<CategoryId>,
    /// Index among its siblings, from 0 and without gaps.
    position: i32,
    /// Rises by one with every change; the same number that the published state carries.
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Category {
    /// A category that does not exist yet, in its first version.
    pub(crate) fn create(id: CategoryId, name: CategoryName, slug: Slug, at: Placement, now: Timestamp) -> Self {
        Self::restore(id, name, slug, at, 1, now, now)
    }

    /// A category as it is stored.
    #[must_use]
    pub fn restore(
        id: CategoryId,
        name: CategoryName,
        slug: Slug,
        at: Placement,
        version: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Self {
        let Placement { parent, path, position } = at;
        Self { id, parent, name, slug, path, position, version, created_at, updated_at }
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
        &self.name
    }

    /// The name in addresses, unique among its siblings.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        &self.slug
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

    /// Sets name and slug. False when it had both already.
    pub(crate) fn rename(&mut self, name: CategoryName, slug: Slug) -> bool {
        let differs = self.name != name || self.slug != slug;
        (self.name, self.slug) = (name, slug);
        differs
    }

    /// Raises the version once for a change.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}
