//! The tree of one organisation, the aggregate that every change goes through.
//! The rule: slugs are unique among siblings, positions have no gaps, paths are correct, there is no cycle, and depth and
//! size stay within their bounds.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{CategoryId, Expected, Slug, Timestamp};

use super::{Category, CategoryName, Placement};

/// The deepest level; a root is level 1.
pub const DEPTH_LIMIT: usize = 8;
/// The most categories directly under one parent, or at the root.
pub const CHILDREN_LIMIT: usize = 1_000;
/// The most categories of one organisation: a change reads the whole tree, and a listing answers with it.
pub const TREE_LIMIT: usize = 5_000;

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
    /// A sibling has that slug already.
    #[error("another category in the same place has the slug \"{slug}\"; choose another one")]
    SlugTaken {
        /// The slug that is taken.
        slug: Slug,
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

/// Every category of one organisation, and which of them were changed since it was restored.
#[derive(Debug, Default)]
pub struct Tree {
    categories: BTreeMap<CategoryId, Category>,
    changed: BTreeSet<CategoryId>,
}

impl Tree {
    /// The tree as it is stored.
    #[must_use]
    pub fn restore(categories: impl IntoIterator<Item = Category>) -> Self {
        let categories = categories.into_iter().map(|category| (category.id(), category)).collect();
        Self { categories, changed: BTreeSet::new() }
    }

    /// Adds a category under `parent` (at the top level when none), before the sibling at `position`, or at the end when
    /// there is no such sibling.
    ///
    /// # Errors
    /// `UnknownParent`, `SlugTaken`, `TooDeep`, `TooManyChildren` or `Full`; the tree is then as it was.
    pub fn add(
        &mut self,
        id: CategoryId,
        name: CategoryName,
        slug: Slug,
        parent: Option<CategoryId>,
        position: Option<usize>,
        now: Timestamp,
    ) -> Result<(), TreeError> {
        if self.categories.len() >= TREE_LIMIT {
            return Err(TreeError::Full);
        }
        let above = self.path_of(parent)?;
        if above.len() + 1 > DEPTH_LIMIT {
            return Err(TreeError::TooDeep { levels: above.len() + 1 });
        }
        let mut siblings = self.children(parent);
        self.check_siblings(&siblings, &slug)?;
        let position = position.unwrap_or(siblings.len()).min(siblings.len());
        siblings.insert(position, id);
        let at = Placement { parent, path: extend(&above, id), position: index(position) };
        self.categories.insert(id, Category::create(id, name, slug, at, now));
        self.changed.insert(id);
        self.number(&siblings, now);
        Ok(())
    }

    /// The slug that a category to be added under `parent` gets where only its name suggests one: with a suffix when a
    /// sibling has it.
    #[must_use]
    pub fn free_slug(&self, id: CategoryId, suggested: &Slug, parent: Option<CategoryId>) -> Slug {
        let siblings = self.categories.values().filter(|category| category.parent() == parent);
        let taken = siblings.map(Category::slug).any(|slug| slug == suggested);
        if taken { suggested.suffixed(id) } else { suggested.clone() }
    }

    /// Moves a category, with everything below it, under `parent` (to the top level when none), before the sibling at
    /// `position`, or to the end when there is no such sibling. Moving it to where it stands changes nothing.
    ///
    /// # Errors
    /// `Unknown`, `UnknownParent`, `Cycle`, `SlugTaken`, `TooDeep` or `TooManyChildren`; the tree is then as it was.
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
        let subtree = self.subtree(id);
        let height = subtree.iter().map(|(_, path)| path.len()).max().unwrap_or(old_depth) - old_depth;
        if above.len() + 1 + height > DEPTH_LIMIT {
            return Err(TreeError::TooDeep { levels: above.len() + 1 + height });
        }
        let mut siblings = self.children(parent);
        siblings.retain(|sibling| *sibling != id);
        self.check_siblings(&siblings, &slug)?;

        for (below, path) in subtree {
            let from_moved = &path[old_depth - 1..];
            let path = above.iter().chain(from_moved).copied().collect();
            self.change(below, now, |category| {
                let parent = if below == id { parent } else { category.parent() };
                category.place(Placement { parent, path, position: category.position() })
            });
        }
        let position = position.unwrap_or(siblings.len()).min(siblings.len());
        siblings.insert(position, id);
        self.number(&siblings, now);
        if left != parent {
            self.number(&self.children(left), now);
        }
        Ok(())
    }

    /// Sets the name and slug of a category that still has a version that is expected. The same ones again change nothing.
    ///
    /// # Errors
    /// `Unknown`, `Stale` or `SlugTaken`; the tree is then as it was.
    pub fn rename(
        &mut self,
        id: CategoryId,
        expected: &Expected,
        name: Option<CategoryName>,
        slug: Option<Slug>,
        now: Timestamp,
    ) -> Result<(), TreeError> {
        let category = self.find(id)?;
        if !expected.includes(category.version()) {
            return Err(TreeError::Stale { category: id, current: category.version() });
        }
        let name = name.unwrap_or_else(|| category.name().clone());
        let slug = slug.unwrap_or_else(|| category.slug().clone());
        let mut siblings = self.children(category.parent());
        siblings.retain(|sibling| *sibling != id);
        self.check_siblings(&siblings, &slug)?;
        self.change(id, now, |category| category.rename(name, slug));
        Ok(())
    }

    /// One category.
    ///
    /// # Errors
    /// `Unknown` when it is not in this tree.
    pub fn find(&self, category: CategoryId) -> Result<&Category, TreeError> {
        self.categories.get(&category).ok_or(TreeError::Unknown { category })
    }

    /// What was created or changed since the tree was restored, parents before children: to be saved and published.
    #[must_use]
    pub fn changes(&self) -> Vec<&Category> {
        let mut changes: Vec<_> = self.changed.iter().filter_map(|id| self.categories.get(id)).collect();
        changes.sort_by_key(|category| (category.path().len(), category.position()));
        changes
    }

    /// Checks that the siblings have room for one more category and that its slug is free.
    fn check_siblings(&self, siblings: &[CategoryId], slug: &Slug) -> Result<(), TreeError> {
        if siblings.len() >= CHILDREN_LIMIT {
            return Err(TreeError::TooManyChildren);
        }
        let taken = siblings.iter().filter_map(|id| self.categories.get(id)).any(|sibling| sibling.slug() == slug);
        if taken { Err(TreeError::SlugTaken { slug: slug.clone() }) } else { Ok(()) }
    }

    fn path_of(&self, parent: Option<CategoryId>) -> Result<Vec<CategoryId>, TreeError> {
        match parent {
            None => Ok(Vec::new()),
            Some(parent) => match self.categories.get(&parent) {
                Some(category) => Ok(category.path().to_vec()),
                None => Err(TreeError::UnknownParent { parent }),
            },
        }
    }

    /// The ids of the categories directly under `parent`, by position.
    fn children(&self, parent: Option<CategoryId>) -> Vec<CategoryId> {
        let mut children: Vec<_> = self.categories.values().filter(|child| child.parent() == parent).collect();
        children.sort_by_key(|child| child.position());
        children.into_iter().map(Category::id).collect()
    }

    /// A category and everything below it, each with its path.
    fn subtree(&self, top: CategoryId) -> Vec<(CategoryId, Vec<CategoryId>)> {
        let below = self.categories.values().filter(|category| category.path().contains(&top));
        below.map(|category| (category.id(), category.path().to_vec())).collect()
    }

    /// Sets the positions of siblings to their order in the list.
    fn number(&mut self, siblings: &[CategoryId], now: Timestamp) {
        for (position, id) in siblings.iter().enumerate() {
            self.change(*id, now, |category| {
                let (parent, path) = (category.parent(), category.path().to_vec());
                category.place(Placement { parent, path, position: index(position) })
            });
        }
    }

    /// Applies a change. The version of a category rises once, however many changes a command makes to it.
    fn change(&mut self, id: CategoryId, now: Timestamp, change: impl FnOnce(&mut Category) -> bool) {
        if let Some(category) = self.categories.get_mut(&id)
            && change(category)
            && self.changed.insert(id)
        {
            category.touch(now);
        }
    }
}

fn extend(above: &[CategoryId], id: CategoryId) -> Vec<CategoryId> {
    above.iter().copied().chain([id]).collect()
}

/// A position as it is stored; the limit on children keeps it far below the largest `i32`.
fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree under test, with names for its categories.
    struct NamedTree {
        tree: Tree,
        ids: BTreeMap<&'static str, CategoryId>,
    }

    impl NamedTree {
        fn new(categories: &[(&'static str, Option<&'static str>)]) -> Self {
            let mut named = Self { tree: Tree::default(), ids: BTreeMap::new() };
            for (name, parent) in categories {
                named.create(name, *parent).unwrap();
            }
            named.tree.changed.clear();
            named
        }

        fn create(&mut self, name: &'static str, parent: Option<&str>) -> Result<(), TreeError> {
            let id = CategoryId::new();
            let parent = parent.map(|parent| self.ids[parent]);
            let slug = Slug::parse(name).unwrap();
            self.tree.add(id, CategoryName::parse(name).unwrap(), slug, parent, None, now())?;
            self.ids.insert(name, id);
            Ok(())
        }

        fn relocate(&mut self, name: &str, parent: Option<&str>, position: Option<usize>) -> Result<(), TreeError> {
            let parent = parent.map(|parent| self.ids[parent]);
            self.tree.relocate(self.ids[name], parent, position, now())
        }

        fn children(&self, parent: Option<&str>) -> Vec<String> {
            let children = self.tree.children(parent.map(|parent| self.ids[parent]));
            children.iter().map(|id| self.tree.categories[id].slug().to_string()).collect()
        }

        fn path(&self, name: &str) -> Vec<String> {
            let path = self.tree.categories[&self.ids[name]].path();
            path.iter().map(|id| self.tree.categories[id].slug().to_string()).collect()
        }

        fn changed(&self) -> Vec<String> {
            self.tree.changes().iter().map(|category| category.slug().to_string()).collect()
        }

        /// Asserts what holds after every change.
        fn check(&self) {
            for category in self.tree.categories.values() {
                let above = self.tree.path_of(category.parent()).unwrap();
                assert_eq!(category.path(), extend(&above, category.id()));
                assert!(category.path().len() <= DEPTH_LIMIT);
                let siblings = self.tree.children(category.parent());
                assert_eq!(siblings[usize::try_from(category.position()).unwrap()], category.id());
            }
        }
    }

    fn now() -> Timestamp {
        kernel::Clock::now()
    }

    #[test]
    fn a_moved_category_takes_everything_below_it_along() {
        let mut named =
            NamedTree::new(&[("home", None), ("kitchen", Some("home")), ("pans", Some("kitchen")), ("sale", None)]);
        named.relocate("kitchen", Some("sale"), None).unwrap();
        assert_eq!(named.path("pans"), ["sale", "kitchen", "pans"]);
        assert_eq!(named.changed(), ["kitchen", "pans"], "parents first, the untouched ones not at all");
        assert_eq!(named.tree.find(named.ids["pans"]).unwrap().version(), 2);
        named.check();
    }

    #[test]
    fn no_category_can_stand_below_itself() {
        let mut named = NamedTree::new(&[("home", None), ("kitchen", Some("home")), ("pans", Some("kitchen"))]);
        for target in ["home", "kitchen", "pans"] {
            let refused = named.relocate("home", Some(target), None).unwrap_err();
            assert!(matches!(refused, TreeError::Cycle { .. }), "{refused}");
        }
        assert!(named.changed().is_empty(), "a refused move leaves nothing behind");
        named.check();
    }

    #[test]
    fn positions_stay_without_gaps_on_both_sides_of_a_move() {
        let mut named = NamedTree::new(&[("a", None), ("b", None), ("c", None), ("x", Some("c")), ("y", Some("c"))]);
        named.relocate("a", Some("c"), Some(1)).unwrap();
        assert_eq!(named.children(None), ["b", "c"]);
        assert_eq!(named.children(Some("c")), ["x", "a", "y"]);
        named.check();
        named.relocate("y", Some("c"), Some(0)).unwrap();
        assert_eq!(named.children(Some("c")), ["y", "x", "a"]);
        named.relocate("y", Some("c"), Some(99)).unwrap();
        assert_eq!(named.children(Some("c")), ["x", "a", "y"], "past the end means the end");
        named.check();
    }

    #[test]
    fn moving_a_category_to_its_own_place_changes_nothing() {
        let mut named = NamedTree::new(&[("a", None), ("b", None), ("c", None)]);
        named.relocate("b", None, Some(1)).unwrap();
        named.tree.rename(named.ids["b"], &Expected::from(1), None, None, now()).unwrap();
        assert!(named.changed().is_empty());
    }

    #[test]
    fn slugs_are_unique_among_siblings_only() {
        let mut named = NamedTree::new(&[("a", None), ("b", None)]);
        let slug = Slug::parse("b").unwrap();
        let taken = TreeError::SlugTaken { slug: slug.clone() };
        assert_eq!(named.create("b", None), Err(taken.clone()));
        assert_eq!(
            named.tree.rename(named.ids["a"], &Expected::from(1), None, Some(slug.clone()), now()),
            Err(taken.clone())
        );
        let twin = CategoryId::new();
        let parent = Some(named.ids["a"]);
        named.tree.add(twin, CategoryName::parse("B").unwrap(), slug, parent, None, now()).unwrap();
        assert_eq!(named.tree.relocate(twin, None, None, now()), Err(taken));
        named.check();
    }

    #[test]
    fn a_rename_that_did_not_see_the_latest_version_is_refused() {
        let mut named = NamedTree::new(&[("a", None), ("b", None)]);
        let id = named.ids["a"];
        named.tree.rename(id, &Expected::from(1), Some(CategoryName::parse("A").unwrap()), None, now()).unwrap();
        assert_eq!(named.changed(), ["a"]);
        let stale = named.tree.rename(id, &Expected::from(1), Some(CategoryName::parse("B").unwrap()), None, now());
        assert_eq!(stale, Err(TreeError::Stale { category: id, current: 2 }));
    }

    #[test]
    fn the_tree_keeps_its_depth_when_it_grows_and_when_it_is_moved() {
        let chain = ["l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8"];
        let mut named = NamedTree::new(&[("l1", None), ("other", None), ("below", Some("other"))]);
        for (above, name) in chain.iter().zip(&chain[1..]) {
            named.create(name, Some(above)).unwrap();
        }
        assert_eq!(named.create("l9", Some("l8")), Err(TreeError::TooDeep { levels: 9 }));
        assert_eq!(named.relocate("other", Some("l7"), None), Err(TreeError::TooDeep { levels: 9 }));
        named.relocate("other", Some("l6"), None).unwrap();
        named.check();
    }

    #[test]
    fn a_parent_has_a_bounded_number_of_children() {
        let mut tree = Tree::default();
        let name = CategoryName::parse("child").unwrap();
        for number in 0..CHILDREN_LIMIT {
            let slug = Slug::parse(&format!("child-{number}")).unwrap();
            tree.add(CategoryId::new(), name.clone(), slug, None, None, now()).unwrap();
        }
        let slug = Slug::parse("one-more").unwrap();
        let refused = tree.add(CategoryId::new(), name, slug, None, None, now());
        assert_eq!(refused, Err(TreeError::TooManyChildren));
    }

    #[test]
    fn a_refused_change_names_the_category_that_does_not_exist() {
        let mut tree = Tree::default();
        let category = CategoryId::new();
        assert_eq!(tree.relocate(category, None, None, now()), Err(TreeError::Unknown { category }));
        let slug = Slug::parse("x").unwrap();
        let added = tree.add(CategoryId::new(), CategoryName::parse("x").unwrap(), slug, Some(category), None, now());
        assert_eq!(added, Err(TreeError::UnknownParent { parent: category }));
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(CategoryName::parse("  Pots & pans ").unwrap().as_str(), "Pots & pans");
        for refused in ["", "   ", "a\u{0}b", &"x".repeat(121)] {
            assert!(CategoryName::parse(refused).is_err(), "{refused:?}");
        }
    }
}
