//! Who stands where in a tree. The rule: what a parent's list says is what its children's positions and paths say.

use kernel::{CategoryId, Slug, Timestamp};

use super::{CHILDREN_LIMIT, Tree, TreeError};
use crate::domain::Category;

impl Tree {
    /// Checks that a parent has room for the category and that the slug is free there.
    pub(super) fn check_siblings(
        &self,
        parent: Option<CategoryId>,
        id: CategoryId,
        slug: &Slug,
    ) -> Result<(), TreeError> {
        let mut others = self.siblings(parent).filter(|sibling| sibling.id() != id);
        if others.any(|sibling| sibling.slug() == slug) {
            return Err(TreeError::SlugTaken { slug: slug.clone() });
        }
        let children = self.children(parent);
        if children.len() >= CHILDREN_LIMIT && self.categories.get(&id).is_none_or(|known| known.parent() != parent) {
            return Err(TreeError::TooManyChildren);
        }
        Ok(())
    }

    pub(super) fn check_in_use(&self, parent: Option<CategoryId>) -> Result<(), TreeError> {
        match parent {
            Some(parent) if self.is_retired(parent) => Err(TreeError::RetiredParent { parent }),
            _ => Ok(()),
        }
    }

    pub(super) fn path_of(&self, parent: Option<CategoryId>) -> Result<Vec<CategoryId>, TreeError> {
        match parent {
            None => Ok(Vec::new()),
            Some(parent) => match self.categories.get(&parent) {
                Some(category) => Ok(category.path().to_vec()),
                None => Err(TreeError::UnknownParent { parent }),
            },
        }
    }

    /// The ids of the categories directly under `parent`, by position.
    pub(super) fn children(&self, parent: Option<CategoryId>) -> &[CategoryId] {
        self.children.get(&parent).map(Vec::as_slice).unwrap_or_default()
    }

    /// The categories directly under `parent` (at the top level when none), by position.
    pub fn siblings(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Category> {
        self.children(parent).iter().filter_map(|id| self.categories.get(id))
    }

    /// Everything below a category.
    pub(super) fn subtree(&self, top: CategoryId) -> Vec<CategoryId> {
        let mut below = self.children(Some(top)).to_vec();
        let mut next = 0;
        while let Some(id) = below.get(next).copied() {
            below.extend(self.children(Some(id)));
            next += 1;
        }
        below
    }

    /// Gives a category below a moved one its new path: `above`, then what stood at and below `depth` before.
    pub(super) fn carry(&mut self, id: CategoryId, above: &[CategoryId], depth: usize) {
        if let Some(category) = self.categories.get_mut(&id) {
            let below = category.path().get(depth - 1..).unwrap_or_default();
            let path = above.iter().chain(below).copied().collect();
            category.carry(path);
            self.carried.insert(id);
        }
    }

    /// Puts a category among the children of its parent, and numbers them.
    pub(super) fn insert_among(
        &mut self,
        parent: Option<CategoryId>,
        id: CategoryId,
        position: Option<usize>,
        now: Timestamp,
    ) {
        let siblings = self.children.entry(parent).or_default();
        let position = position.unwrap_or(siblings.len()).min(siblings.len());
        siblings.insert(position, id);
        self.number(parent, now);
    }

    /// Sets the positions of the children of a parent to their order in the list.
    pub(super) fn number(&mut self, parent: Option<CategoryId>, now: Timestamp) {
        for (position, id) in self.children(parent).to_vec().into_iter().enumerate() {
            self.change(id, now, |category| category.stand(index(position)));
        }
    }

    /// Applies a change. The version of a category rises once, however many changes a command makes to it.
    pub(super) fn change(&mut self, id: CategoryId, now: Timestamp, change: impl FnOnce(&mut Category) -> bool) {
        if let Some(category) = self.categories.get_mut(&id)
            && change(category)
            && self.changed.insert(id)
        {
            category.touch(now);
        }
    }
}

pub(super) fn extend(above: &[CategoryId], id: CategoryId) -> Vec<CategoryId> {
    above.iter().copied().chain([id]).collect()
}

/// A position as it is stored; the limit on children keeps it far below the largest `i32`.
fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}
