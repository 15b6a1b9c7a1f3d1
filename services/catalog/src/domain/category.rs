//! The catalog's copy of a category: enough to know that it exists and to find it by its slugs.
//! The rule: a category's path is its parent's path and itself.

use std::collections::{HashMap, HashSet};

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

/// A category of a tree whose paths are derived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    /// Whose it is, and which.
    pub key: (OrganisationId, CategoryId),
    /// The category above; none for a root.
    pub parent: Option<CategoryId>,
    /// Its path as it was.
    pub path: &'a [CategoryId],
}

/// The path of every category that hangs from one whose parent is not here: a root, or one whose parent's state has yet to come and
/// whose own path is the best that is known. While states that are on their way make a circle, what is in it and below it hangs
/// from nothing and keeps its path; the state that opens the circle brings it back.
pub(crate) fn paths<'a>(
    nodes: impl Iterator<Item = Node<'a>> + Clone,
) -> HashMap<(OrganisationId, CategoryId), Vec<CategoryId>> {
    let here: HashSet<(OrganisationId, CategoryId)> = nodes.clone().map(|node| node.key).collect();
    let mut below = HashMap::<(OrganisationId, CategoryId), Vec<Node<'_>>>::new();
    let mut waiting = Vec::new();
    for node in nodes {
        let (organisation, category) = node.key;
        match node.parent {
            None => waiting.push((node, vec![category])),
            Some(parent) if here.contains(&(organisation, parent)) => {
                below.entry((organisation, parent)).or_default().push(node);
            }
            Some(_) => waiting.push((node, node.path.to_vec())),
        }
    }
    let mut paths = HashMap::with_capacity(here.len());
    while let Some((node, path)) = waiting.pop() {
        for child in below.get(&node.key).into_iter().flatten() {
            let mut further = path.clone();
            further.push(child.key.1);
            waiting.push((*child, further));
        }
        paths.insert(node.key, path);
    }
    paths
}
