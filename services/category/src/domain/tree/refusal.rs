//! Why a tree refuses a change. The rule: each refusal names what is in the way and what to do about it.

use kernel::{CategoryId, Slug};

use super::{CHILDREN_LIMIT, DEPTH_LIMIT, TREE_LIMIT};
use crate::domain::ReferenceValue;

/// Why a tree refused a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The category to change is not in this organisation.
    #[error("there is no category {category} in this organisation; list the categories to see which exist")]
    Unknown {
        /// The category that does not exist.
        category: CategoryId,
    },
    /// The new parent is not in this organisation.
    #[error("there is no category {parent} to put it under; name an existing category, or none for the top level")]
    UnknownParent {
        /// The parent that does not exist.
        parent: CategoryId,
    },
    /// The parent is retired, or stands below a retired category.
    #[error("{parent}, or a category above it, is retired; restore that one first, or choose another parent")]
    RetiredParent {
        /// The parent.
        parent: CategoryId,
    },
    /// A sibling has that slug already.
    #[error("another category in the same place has the slug \"{slug}\"; choose another one")]
    SlugTaken {
        /// The slug that is taken.
        slug: Slug,
    },
    /// Another category has that reference in that system.
    #[error("{category} is what the system \"{system}\" calls \"{value}\"; take the reference from it first")]
    ReferenceTaken {
        /// The code of the system.
        system: Slug,
        /// The value that is taken.
        value: ReferenceValue,
        /// The category that has it.
        category: CategoryId,
    },
    /// The new parent is the category itself or stands below it.
    #[error(
        "{category} cannot stand under {parent}, which is the category itself or one below it; choose a parent outside of it"
    )]
    Cycle {
        /// The category to move.
        category: CategoryId,
        /// The parent that it cannot have.
        parent: CategoryId,
    },
    /// It, or something below it, would stand deeper than the limit.
    #[error("the tree would have {levels} levels and may have {DEPTH_LIMIT}; choose a parent nearer to the top")]
    TooDeep {
        /// The levels that it would have.
        levels: usize,
    },
    /// The parent has no room for another child.
    #[error(
        "there are {CHILDREN_LIMIT} categories in that place already, the most that one parent may have; choose another parent"
    )]
    TooManyChildren,
    /// The order does not name each child of the parent once.
    #[error(
        "the order must name each of the {} children once; {} are missing and {} are no children or named twice: read the tree again",
        .children, .missing.len(), .surplus.len()
    )]
    OtherChildren {
        /// How many children there are.
        children: usize,
        /// Children that the order does not name.
        missing: Vec<CategoryId>,
        /// What the order names although it is no child, or again.
        surplus: Vec<CategoryId>,
    },
    /// The category was changed since the caller read it.
    #[error("{category} is at version {current} by now; read it again and repeat the change")]
    Stale {
        /// The category to change.
        category: CategoryId,
        /// The version that it has.
        current: i64,
    },
    /// The organisation has no room for another category.
    #[error("this organisation has {TREE_LIMIT} categories, the most it may have; reuse one of them")]
    Full,
}
