//! The tree of one organisation, the aggregate that every change goes through.
//! The rule: slugs are unique among siblings, positions have no gaps, paths are correct, there is no cycle, a reference names
//! one category, nothing is put below a retired category, and depth and size stay within their bounds.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{CategoryId, Expected, Slug, Timestamp};

use super::{Category, Details, DetailsChange, Placement, ReferenceValue, References};

/// The deepest level; a root is level 1.
pub const DEPTH_LIMIT: usize = 8;
/// The most categories directly under one parent, or at the root.
pub const CHILDREN_LIMIT: usize = 1_000;
/// The most categories of one organisation, retired ones included: a change reads the whole tree, and a listing answers with
/// it.
pub const TREE_LIMIT: usize = 10_000;

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

/// Every category of one organisation, and what was changed since it was restored.
#[derive(Debug, Default)]
pub struct Tree {
    categories: BTreeMap<CategoryId, Category>,
    /// The children of each parent by position; those of the top level under none.
    children: BTreeMap<Option<CategoryId>, Vec<CategoryId>>,
    /// Which category each system calls what.
    references: BTreeMap<(Slug, ReferenceValue), CategoryId>,
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
            let references = category.details().references.iter();
            tree.references.extend(references.map(|(system, value)| ((system.clone(), value.clone()), category.id())));
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
        self.check_references(id, &details.references)?;
        self.note_references(id, &References::default(), &details.references);
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
        self.check_references(id, &details.references)?;
        self.note_references(id, &before.references, &details.references);
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

    /// Checks that a parent has room for the category and that the slug is free there.
    fn check_siblings(&self, parent: Option<CategoryId>, id: CategoryId, slug: &Slug) -> Result<(), TreeError> {
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

    fn check_references(&self, id: CategoryId, references: &References) -> Result<(), TreeError> {
        for (system, value) in references.iter() {
            let owner = self.references.get(&(system.clone(), value.clone()));
            if let Some(category) = owner.copied().filter(|owner| *owner != id) {
                return Err(TreeError::ReferenceTaken { system: system.clone(), value: value.clone(), category });
            }
        }
        Ok(())
    }

    fn note_references(&mut self, id: CategoryId, before: &References, after: &References) {
        for (system, value) in before.iter() {
            self.references.remove(&(system.clone(), value.clone()));
        }
        self.references.extend(after.iter().map(|(system, value)| ((system.clone(), value.clone()), id)));
    }

    fn check_in_use(&self, parent: Option<CategoryId>) -> Result<(), TreeError> {
        match parent {
            Some(parent) if self.is_retired(parent) => Err(TreeError::RetiredParent { parent }),
            _ => Ok(()),
        }
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
    fn children(&self, parent: Option<CategoryId>) -> &[CategoryId] {
        self.children.get(&parent).map(Vec::as_slice).unwrap_or_default()
    }

    /// The categories directly under `parent` (at the top level when none), by position.
    pub fn siblings(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Category> {
        self.children(parent).iter().filter_map(|id| self.categories.get(id))
    }

    /// Everything below a category.
    fn subtree(&self, top: CategoryId) -> Vec<CategoryId> {
        let mut below = self.children(Some(top)).to_vec();
        let mut next = 0;
        while let Some(id) = below.get(next).copied() {
            below.extend(self.children(Some(id)));
            next += 1;
        }
        below
    }

    /// Gives a category below a moved one its new path: `above`, then what stood at and below `depth` before.
    fn carry(&mut self, id: CategoryId, above: &[CategoryId], depth: usize) {
        if let Some(category) = self.categories.get_mut(&id) {
            let below = category.path().get(depth - 1..).unwrap_or_default();
            let path = above.iter().chain(below).copied().collect();
            category.carry(path);
            self.carried.insert(id);
        }
    }

    /// Puts a category among the children of its parent, and numbers them.
    fn insert_among(&mut self, parent: Option<CategoryId>, id: CategoryId, position: Option<usize>, now: Timestamp) {
        let siblings = self.children.entry(parent).or_default();
        let position = position.unwrap_or(siblings.len()).min(siblings.len());
        siblings.insert(position, id);
        self.number(parent, now);
    }

    /// Sets the positions of the children of a parent to their order in the list.
    fn number(&mut self, parent: Option<CategoryId>, now: Timestamp) {
        for (position, id) in self.children(parent).to_vec().into_iter().enumerate() {
            self.change(id, now, |category| category.stand(index(position)));
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
    use super::super::CategoryName;
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
            named.tree.carried.clear();
            named
        }

        fn create(&mut self, name: &'static str, parent: Option<&str>) -> Result<(), TreeError> {
            let id = CategoryId::new();
            let parent = parent.map(|parent| self.ids[parent]);
            let slug = Slug::parse(name).unwrap();
            self.tree.add(id, Details::named(CategoryName::parse(name).unwrap(), slug), parent, None, now())?;
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
        assert_eq!(named.changed(), ["kitchen"], "what stands below it did not change");
        assert_eq!(named.tree.carried().iter().map(|pans| pans.slug().as_str()).collect::<Vec<_>>(), ["pans"]);
        assert_eq!(named.tree.find(named.ids["pans"]).unwrap().version(), 1);
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
        named.tree.describe(named.ids["b"], &Expected::from(1), DetailsChange::default(), now()).unwrap();
        assert!(named.changed().is_empty());
    }

    #[test]
    fn slugs_are_unique_among_siblings_only() {
        let mut named = NamedTree::new(&[("a", None), ("b", None)]);
        let slug = Slug::parse("b").unwrap();
        let taken = TreeError::SlugTaken { slug: slug.clone() };
        assert_eq!(named.create("b", None), Err(taken.clone()));
        assert_eq!(named.tree.describe(named.ids["a"], &Expected::from(1), to_slug(&slug), now()), Err(taken.clone()));
        let twin = CategoryId::new();
        let parent = Some(named.ids["a"]);
        named.tree.add(twin, titled("B", slug), parent, None, now()).unwrap();
        assert_eq!(named.tree.relocate(twin, None, None, now()), Err(taken));
        named.check();
    }

    #[test]
    fn a_rename_that_did_not_see_the_latest_version_is_refused() {
        let mut named = NamedTree::new(&[("a", None), ("b", None)]);
        let id = named.ids["a"];
        named.tree.describe(id, &Expected::from(1), to_name("A"), now()).unwrap();
        assert_eq!(named.changed(), ["a"]);
        let stale = named.tree.describe(id, &Expected::from(1), to_name("B"), now());
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
        for number in 0..CHILDREN_LIMIT {
            let slug = Slug::parse(&format!("child-{number}")).unwrap();
            tree.add(CategoryId::new(), titled("child", slug), None, None, now()).unwrap();
        }
        let slug = Slug::parse("one-more").unwrap();
        let refused = tree.add(CategoryId::new(), titled("child", slug), None, None, now());
        assert_eq!(refused, Err(TreeError::TooManyChildren));
    }

    #[test]
    fn a_refused_change_names_the_category_that_does_not_exist() {
        let mut tree = Tree::default();
        let category = CategoryId::new();
        assert_eq!(tree.relocate(category, None, None, now()), Err(TreeError::Unknown { category }));
        let slug = Slug::parse("x").unwrap();
        let added = tree.add(CategoryId::new(), titled("x", slug), Some(category), None, now());
        assert_eq!(added, Err(TreeError::UnknownParent { parent: category }));
    }

    #[test]
    fn a_retired_category_takes_no_child_and_what_is_below_it_is_retired_with_it() {
        let mut named =
            NamedTree::new(&[("home", None), ("kitchen", Some("home")), ("pans", Some("kitchen")), ("sale", None)]);
        let (home, pans) = (named.ids["home"], named.ids["pans"]);
        named.tree.retire(home, now()).unwrap();
        named.tree.retire(home, now()).unwrap();
        assert_eq!(named.changed(), ["home"], "one change for the whole subtree");
        assert_eq!(named.tree.find(home).unwrap().version(), 2, "retired once");
        assert!(named.tree.is_retired(pans) && !named.tree.is_retired(named.ids["sale"]));
        let kitchen = named.ids["kitchen"];
        assert_eq!(named.create("pots", Some("kitchen")), Err(TreeError::RetiredParent { parent: kitchen }));
        assert_eq!(named.relocate("sale", Some("home"), None), Err(TreeError::RetiredParent { parent: home }));
        assert_eq!(named.create("home", None), Err(TreeError::SlugTaken { slug: Slug::parse("home").unwrap() }));
        named.relocate("pans", None, None).unwrap();
        assert!(!named.tree.is_retired(pans), "moved out, it is in use again");
        named.check();
    }

    #[test]
    fn a_restored_category_brings_back_what_was_not_retired_by_itself() {
        let mut named = NamedTree::new(&[
            ("home", None),
            ("kitchen", Some("home")),
            ("pans", Some("kitchen")),
            ("bath", Some("home")),
        ]);
        let [home, kitchen, pans, bath] = ["home", "kitchen", "pans", "bath"].map(|name| named.ids[name]);
        named.tree.retire(kitchen, now()).unwrap();
        named.tree.retire(home, now()).unwrap();
        assert_eq!(named.tree.restore_category(kitchen, now()), Err(TreeError::RetiredParent { parent: home }));
        named.tree.restore_category(home, now()).unwrap();
        assert!(!named.tree.is_retired(bath) && named.tree.is_retired(pans));
        named.tree.restore_category(kitchen, now()).unwrap();
        assert!(!named.tree.is_retired(pans));
    }

    #[test]
    fn an_order_names_each_child_once() {
        let mut named = NamedTree::new(&[("a", None), ("b", None), ("c", None), ("x", Some("c"))]);
        let [a, b, c, x] = ["a", "b", "c", "x"].map(|name| named.ids[name]);
        let other = |missing, surplus| Err(TreeError::OtherChildren { children: 3, missing, surplus });
        assert_eq!(named.tree.reorder(None, &[c, a], now()), other(vec![b], vec![]));
        assert_eq!(named.tree.reorder(None, &[c, a, x], now()), other(vec![b], vec![x]));
        assert_eq!(named.tree.reorder(None, &[c, a, b, a], now()), other(vec![], vec![a]));
        assert!(named.changed().is_empty());
        named.tree.reorder(None, &[c, b, a], now()).unwrap();
        assert_eq!(named.children(None), ["c", "b", "a"]);
        assert_eq!(named.changed(), ["c", "a"], "b stands where it stood");
        named.check();
    }

    #[test]
    fn a_reference_names_one_category_and_is_free_once_it_is_taken_away() {
        let mut named = NamedTree::new(&[("a", None), ("b", None)]);
        let [a, b] = ["a", "b"].map(|name| named.ids[name]);
        let (erp, ten) = (Slug::parse("erp").unwrap(), ReferenceValue::parse("10").unwrap());
        let referred = |references| DetailsChange { references: Some(references), ..DetailsChange::default() };
        let ten_in_erp = References::one(erp.clone(), ten.clone());
        named.tree.describe(a, &Expected::Any, referred(ten_in_erp.clone()), now()).unwrap();
        let taken = Err(TreeError::ReferenceTaken { system: erp, value: ten.clone(), category: a });
        assert_eq!(named.tree.describe(b, &Expected::Any, referred(ten_in_erp.clone()), now()), taken);
        let mut other = titled("c", Slug::parse("c").unwrap());
        other.references = ten_in_erp.clone();
        assert_eq!(named.tree.add(CategoryId::new(), other, None, None, now()), taken);
        let elsewhere = References::one(Slug::parse("shop").unwrap(), ten);
        named.tree.describe(b, &Expected::Any, referred(elsewhere), now()).unwrap();
        named.tree.describe(a, &Expected::Any, referred(References::default()), now()).unwrap();
        named.tree.describe(b, &Expected::Any, referred(ten_in_erp), now()).unwrap();
    }

    fn titled(name: &str, slug: Slug) -> Details {
        Details::named(CategoryName::parse(name).unwrap(), slug)
    }

    fn to_name(name: &str) -> DetailsChange {
        DetailsChange { name: Some(CategoryName::parse(name).unwrap()), ..DetailsChange::default() }
    }

    fn to_slug(slug: &Slug) -> DetailsChange {
        DetailsChange { slug: Some(slug.clone()), ..DetailsChange::default() }
    }
}
