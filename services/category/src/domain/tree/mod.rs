//! The tree of one organisation, the aggregate that every change goes through.
//! The rule: slugs are unique among siblings, positions have no gaps, paths are correct, there is no cycle, a reference names
//! one category, nothing is put below a retired category, and depth and size stay within their bounds.

mod places;
mod reference_index;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kernel::{CategoryId, Expected, Slug, Timestamp};

use self::places::extend;
use self::reference_index::ReferenceIndex;
pub use self::refusal::TreeError;
use super::{Category, Details, DetailsChange, Placement, References};

/// The deepest level; a root is level 1.
pub const DEPTH_LIMIT: usize = 8;
/// The most categories directly under one parent, or at the root.
pub const CHILDREN_LIMIT: usize = 1_000;
/// The most categories of one organisation, retired ones included: a change reads the whole tree, and a listing answers with
/// it.
pub const TREE_LIMIT: usize = 10_000;

/// Every category of one organisation, and what was changed since it was restored.
#[derive(Debug, Default)]
pub struct Tree {
    categories: BTreeMap<CategoryId, Category>,
    /// The children of each parent by position; those of the top level under none.
    children: BTreeMap<Option<CategoryId>, Vec<CategoryId>>,
    references: ReferenceIndex,
    changed: BTreeSet<CategoryId>,
    carried: BTreeSet<CategoryId>,
}

impl Tree {
    /// The tree as it is stored.
    #[must_use]
    pub fn restore(categories: impl IntoIterator<Item = Category>) -> Self {
        let mut tree = Self::default();
        for category in categories {
            tree.children.entry(category.parent()).or_default().push(category.id());
            tree.categories.insert(category.id(), category);
        }
        for children in tree.children.values_mut() {
            children.sort_by_key(|child| tree.categories.get(child).map(Category::position));
        }
        for category in tree.categories.values() {
            tree.references.replace(category.id(), &References::default(), &category.details().references);
        }
        tree
    }

    /// Adds a category under `parent` (at the top level when none), before the sibling at `position`, or at the end when
    /// there is no such sibling.
    ///
    /// # Errors
    /// `UnknownParent`, `RetiredParent`, `SlugTaken`, `ReferenceTaken`, `TooDeep`, `TooManyChildren` or `Full`; the tree is
    /// then as it was.
    pub fn add(
        &mut self,
        id: CategoryId,
        details: Details,
        parent: Option<CategoryId>,
        position: Option<usize>,
        now: Timestamp,
    ) -> Result<(), TreeError> {
        if self.categories.len() >= TREE_LIMIT {
            return Err(TreeError::Full);
        }
        let above = self.path_of(parent)?;
        self.check_in_use(parent)?;
        if above.len() + 1 > DEPTH_LIMIT {
            return Err(TreeError::TooDeep { levels: above.len() + 1 });
        }
        self.check_siblings(parent, id, &details.slug)?;
        self.references.check(id, &details.references)?;
        self.references.replace(id, &References::default(), &details.references);
        let at = Placement { parent, path: extend(&above, id), position: i32::MAX };
        self.categories.insert(id, Category::create(id, details, at, now));
        self.changed.insert(id);
        self.insert_among(parent, id, position, now);
        Ok(())
    }

    /// The slug that a category to be added under `parent` gets where only its name suggests one: with a suffix when a
    /// sibling has it.
    #[must_use]
    pub fn free_slug(&self, id: CategoryId, suggested: &Slug, parent: Option<CategoryId>) -> Slug {
        let taken = self.siblings(parent).any(|sibling| sibling.slug() == suggested);
        if taken { suggested.suffixed(id) } else { suggested.clone() }
    }

    /// Moves a category, with everything below it, under `parent` (to the top level when none), before the sibling at
    /// `position`, or to the end when there is no such sibling. Moving it to where it stands changes nothing. What stands
    /// below it gets new paths, which is no change of its own.
    ///
    /// # Errors
    /// `Unknown`, `UnknownParent`, `RetiredParent`, `Cycle`, `SlugTaken`, `TooDeep` or `TooManyChildren`; the tree is then as
    /// it was.
    pub fn relocate(
        &mut self,
        id: CategoryId,
        parent: Option<CategoryId>,
        position: Option<usize>,
        now: Timestamp,
    ) -> Result<(), TreeError> {
        let moved = self.find(id)?;
        let (left, slug, old_depth) = (moved.parent(), moved.slug().clone(), moved.path().len());
        let above = self.path_of(parent)?;
        if let Some(parent) = parent.filter(|_| above.contains(&id)) {
            return Err(TreeError::Cycle { category: id, parent });
        }
        if left != parent {
            self.check_in_use(parent)?;
        }
        let subtree = self.subtree(id);
        let depth = |id: &CategoryId| self.categories.get(id).map_or(0, |category| category.path().len());
        let height = subtree.iter().map(depth).max().unwrap_or(old_depth) - old_depth;
        if above.len() + 1 + height > DEPTH_LIMIT {
            return Err(TreeError::TooDeep { levels: above.len() + 1 + height });
        }
        self.check_siblings(parent, id, &slug)?;

        self.children.entry(left).or_default().retain(|sibling| *sibling != id);
        if left != parent {
            for below in subtree {
                self.carry(below, &above, old_depth);
            }
            let path = extend(&above, id);
            self.change(id, now, |category| category.place(Placement { parent, path, position: category.position() }));
            self.number(left, now);
        }
        self.insert_among(parent, id, position, now);
        Ok(())
    }

    /// Puts the children of a parent (of the top level when none) in this order.
    ///
    /// # Errors
    /// `UnknownParent`, or `OtherChildren` when the order does not name each child once; the tree is then as it was.
    pub fn reorder(
        &mut self,
        parent: Option<CategoryId>,
        order: &[CategoryId],
        now: Timestamp,
    ) -> Result<(), TreeError> {
        self.path_of(parent)?;
        let children = self.children(parent);
        let mut missing: BTreeSet<_> = children.iter().copied().collect();
        let surplus: Vec<_> = order.iter().copied().filter(|named| !missing.remove(named)).collect();
        if !missing.is_empty() || !surplus.is_empty() {
            let missing = missing.into_iter().collect();
            return Err(TreeError::OtherChildren { children: children.len(), missing, surplus });
        }
        self.children.insert(parent, order.to_vec());
        self.number(parent, now);
        Ok(())
    }

    /// Changes the details of a category that still has a version that is expected. The same ones again change nothing.
    ///
    /// # Errors
    /// `Unknown`, `Stale`, `SlugTaken` or `ReferenceTaken`; the tree is then as it was.
    pub fn describe(
        &mut self,
        id: CategoryId,
        expected: &Expected,
        change: DetailsChange,
        now: Timestamp,
    ) -> Result<(), TreeError> {
        let category = self.find(id)?;
        if !expected.includes(category.version()) {
            return Err(TreeError::Stale { category: id, current: category.version() });
        }
        let (parent, before) = (category.parent(), category.details().clone());
        let details = change.applied(&before);
        self.check_siblings(parent, id, &details.slug)?;
        self.references.check(id, &details.references)?;
        self.references.replace(id, &before.references, &details.references);
        self.change(id, now, |category| category.describe(details));
        Ok(())
    }

    /// Retires a category, and with it everything below. One that is retired itself already stays as it is.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn retire(&mut self, id: CategoryId, now: Timestamp) -> Result<(), TreeError> {
        self.find(id)?;
        self.change(id, now, |category| category.set_retired(Some(now)));
        Ok(())
    }

    /// Takes a retirement back. What was retired below it by itself stays retired.
    ///
    /// # Errors
    /// `Unknown`, or `RetiredParent` while a category above it is retired.
    pub fn restore_category(&mut self, id: CategoryId, now: Timestamp) -> Result<(), TreeError> {
        let parent = self.find(id)?.parent();
        self.check_in_use(parent)?;
        self.change(id, now, |category| category.set_retired(None));
        Ok(())
    }

    /// One category.
    ///
    /// # Errors
    /// `Unknown` when it is not in this tree.
    pub fn find(&self, category: CategoryId) -> Result<&Category, TreeError> {
        self.categories.get(&category).ok_or(TreeError::Unknown { category })
    }

    /// Whether it, or a category above it, is retired.
    #[must_use]
    pub fn is_retired(&self, id: CategoryId) -> bool {
        let path = self.categories.get(&id).map(Category::path).unwrap_or_default();
        path.iter().any(|above| self.categories.get(above).is_some_and(|above| above.retired_at().is_some()))
    }

    /// What was created or changed since the tree was restored, parents before children: to be saved and published.
    #[must_use]
    pub fn changes(&self) -> Vec<&Category> {
        let mut changes: Vec<_> = self.changed.iter().filter_map(|id| self.categories.get(id)).collect();
        changes.sort_by_key(|category| (category.path().len(), category.position()));
        changes
    }

    /// What only got another path, since a category above it was moved: to be saved, not to be published.
    #[must_use]
    pub fn carried(&self) -> Vec<&Category> {
        self.carried.difference(&self.changed).filter_map(|id| self.categories.get(id)).collect()
    }
}
