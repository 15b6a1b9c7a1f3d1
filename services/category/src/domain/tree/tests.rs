//! What a tree does and refuses.

use super::*;
use crate::domain::{CategoryName, ReferenceValue};

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
    Timestamp::from_timestamp(1, 0).unwrap()
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
    let mut named =
        NamedTree::new(&[("home", None), ("kitchen", Some("home")), ("pans", Some("kitchen")), ("bath", Some("home"))]);
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
