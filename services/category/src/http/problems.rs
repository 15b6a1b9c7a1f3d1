//! Each error of this service and the one problem type that it becomes.

use mediator::Classified;
use rest::{Problem, ProblemType, problems};

use crate::{domain::TreeError, error::Error};

/// A sibling has the slug.
pub(super) const SLUG_TAKEN: ProblemType =
    ProblemType::new("category-slug-taken", 409, "Another category in this place has this slug");
/// The move would make the category its own ancestor.
pub(super) const CYCLE: ProblemType = ProblemType::new("category-cycle", 409, "A category cannot stand below itself");
/// Depth, number of siblings or size of the tree is at its bound.
pub(super) const TREE_LIMIT: ProblemType =
    ProblemType::new("category-tree-limit", 409, "The category tree has reached one of its limits");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 3] = [SLUG_TAKEN, CYCLE, TREE_LIMIT];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 2] = [SLUG_TAKEN, TREE_LIMIT];
/// Those of a move.
pub(super) const MOVE: [ProblemType; 3] = [SLUG_TAKEN, CYCLE, TREE_LIMIT];
/// Those of a rename.
pub(super) const RENAME: [ProblemType; 1] = [SLUG_TAKEN];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::Tree(refusal) => problem(refusal).detail(error.to_string()),
            Error::Corrupt { .. } | Error::Storage(_) => Self::fault(error.class(), &error),
        }
    }
}

fn problem(refusal: &TreeError) -> Problem {
    match refusal {
        TreeError::Unknown { .. } => Problem::new(problems::NOT_FOUND),
        TreeError::UnknownParent { .. } => {
            Problem::new(problems::INVALID_REQUEST).field("parent", "is not a category of this organisation")
        }
        TreeError::SlugTaken { .. } => Problem::new(SLUG_TAKEN).field("slug", "is taken by a sibling"),
        TreeError::Cycle { .. } => Problem::new(CYCLE).field("parent", "is the category itself or below it"),
        TreeError::TooDeep { .. } | TreeError::TooManyChildren => {
            Problem::new(TREE_LIMIT).field("parent", "has no room below it")
        }
        TreeError::Full => Problem::new(TREE_LIMIT),
        TreeError::Stale { current, .. } => Problem::new(problems::STALE).member("current_version", current),
    }
}
