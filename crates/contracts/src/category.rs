//! What category publishes: each node of the category trees, as state.

use kernel::{CategoryId, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{channel, topics};

/// A node of an organisation's category tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CategoryState {
    /// The node's id.
    pub category: CategoryId,
    /// The node above; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CategoryId>,
    /// Its name for people.
    pub name: String,
    /// Its name in addresses.
    pub slug: Slug,
    /// The way from the root to this node, both included.
    pub path: Vec<CategoryId>,
    /// Its place among its siblings, ascending.
    pub position: i32,
    /// Whether it was taken out of the tree.
    pub removed: bool,
    /// Rises by one with each change.
    pub version: i64,
}

channel::state!(CategoryState on topics::CATEGORY, keyed by category, "category.category.state.v1");
