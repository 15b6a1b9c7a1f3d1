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

/// The parent is retired, or stands below a retired category.
pub(super) const RETIRED: ProblemType = ProblemType::new("category-retired", 409, "The place in the tree is retired");
/// Another category has the reference in that system.
pub(super) const REFERENCE_TAKEN: ProblemType =
    ProblemType::new("category-reference-taken", 409, "Another category has this reference");
/// An order names other children than there are.
pub(super) const OTHER_CHILDREN: ProblemType =
    ProblemType::new("category-other-children", 409, "The order does not name each child once");
/// A tree was to be created as a whole, and some of its nodes cannot be placed.
pub(super) const NOT_ALL_PLACED: ProblemType =
    ProblemType::new("category-not-all-placed", 409, "Some of the nodes cannot be placed");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 7] =
    [SLUG_TAKEN, CYCLE, TREE_LIMIT, RETIRED, REFERENCE_TAKEN, OTHER_CHILDREN, NOT_ALL_PLACED];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 4] = [SLUG_TAKEN, TREE_LIMIT, RETIRED, REFERENCE_TAKEN];
/// Those of the creation of many.
pub(super) const PLACE: [ProblemType; 1] = [NOT_ALL_PLACED];
/// Those of a move.
pub(super) const MOVE: [ProblemType; 4] = [SLUG_TAKEN, CYCLE, TREE_LIMIT, RETIRED];
/// Those of a change.
pub(super) const CHANGE: [ProblemType; 2] = [SLUG_TAKEN, REFERENCE_TAKEN];
/// Those of an order.
pub(super) const REORDER: [ProblemType; 1] = [OTHER_CHILDREN];
/// Those of a restoration.
pub(super) const RESTORE: [ProblemType; 1] = [RETIRED];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::Tree(refusal) => problem(refusal).detail(error.to_string()),
            Error::NothingThere { .. } => Self::new(problems::NOT_FOUND).detail(error.to_string()),
            Error::NotAllPlaced { not_placed } => {
                Self::new(NOT_ALL_PLACED).member("not_placed", not_placed).detail(error.to_string())
            }
            Error::QueryRefused(faults) => {
                let refused = Self::new(problems::INVALID_REQUEST).detail(error.to_string());
                faults.0.iter().fold(refused, |problem, fault| problem.field(&fault.at, &fault.reason))
            }
            Error::Cursor(malformed) => malformed.clone().into(),
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
        TreeError::ReferenceTaken { category, .. } => {
            Problem::new(REFERENCE_TAKEN).field("references", "has one of another category").member("holder", category)
        }
        TreeError::RetiredParent { parent } => {
            Problem::new(RETIRED).field("parent", "is retired, or below a retired category").member("parent", parent)
        }
        TreeError::OtherChildren { missing, surplus, .. } => Problem::new(OTHER_CHILDREN)
            .field("children", "must name each child of the parent once")
            .member("missing", missing)
            .member("surplus", surplus),
        TreeError::Cycle { .. } => Problem::new(CYCLE).field("parent", "is the category itself or below it"),
        TreeError::TooDeep { .. } | TreeError::TooManyChildren => {
            Problem::new(TREE_LIMIT).field("parent", "has no room below it")
        }
        TreeError::Full => Problem::new(TREE_LIMIT),
        TreeError::Stale { current, .. } => Problem::new(problems::STALE).member("current_version", current),
    }
}
