//! The catalog's copy of a category: enough to know that it exists and to find it by its slugs.

use kernel::{CategoryId, OrganisationId, Slug};

/// One category as its owner published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryCopy {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its identity.
    pub category: CategoryId,
    /// The category above; none for a root.
    pub parent: Option<CategoryId>,
    /// Its name in addresses, unique among its siblings.
    pub slug: Slug,
    /// The way from the root to this category, both included, when it itself last changed.
    pub path: Vec<CategoryId>,
    /// Whether it was taken out of the tree, with everything below it.
    pub removed: bool,
    /// Rises with every change.
    pub version: i64,
}
