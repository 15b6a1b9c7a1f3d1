//! What category publishes: each node of the category trees, as state.

use std::collections::BTreeMap;

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
    /// The way from the root to this node, both included, when this node itself last changed. A move publishes the node that
    /// moves and none below it: whoever needs paths keeps `parent` of each node and derives them.
    pub path: Vec<CategoryId>,
    /// Its place among its siblings, ascending.
    pub position: i32,
    /// Whether it was taken out of the tree, with everything below it. A node below it says nothing of that.
    pub removed: bool,
    /// The name of an icon, or an emoji; 1 to 40 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// An https address of an image, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What other systems call it: at most 20 codes of systems, each with 1 to 200 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, String>,
    /// Rises by one with each change.
    pub version: i64,
}

channel::state!(CategoryState on topics::CATEGORY, keyed by category, "category.category.state.v1");
