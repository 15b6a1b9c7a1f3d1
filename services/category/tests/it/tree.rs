//! No sequence of changes breaks the rules of a tree, and what it reports as changed is everything that changed.

use std::collections::{BTreeMap, BTreeSet};

use category::domain::{Category, CategoryName, DEPTH_LIMIT, Tree};
use kernel::{CategoryId, Clock, Slug};
use proptest::prelude::*;

/// A change to try. Categories are numbered in the order of their creation; a number past the last one means the top
/// level.
#[derive(Debug, Clone)]
enum Change {
    Add { parent: usize, position: Option<usize>, slug: u8 },
    Relocate { category: usize, parent: usize, position: Option<usize> },
    Rename { category: usize, slug: u8 },
}

fn change() -> impl Strategy<Value = Change> {
    let position = || proptest::option::of(0..6_usize);
    prop_oneof![
        3 => (0..12_usize, position(), 0..6_u8).prop_map(|(parent, position, slug)| Change::Add { parent, position, slug }),
        4 => (0..20_usize, 0..24_usize, position())
            .prop_map(|(category, parent, position)| Change::Relocate { category, parent, position }),
        1 => (0..20_usize, 0..6_u8).prop_map(|(category, slug)| Change::Rename { category, slug }),
    ]
}

/// What the store holds: only what the tree said has changed reaches it.
#[derive(Default)]
struct Stored {
    rows: BTreeMap<CategoryId, Category>,
    order: Vec<CategoryId>,
}

impl Stored {
    fn apply(&mut self, change: &Change) {
        let now = Clock::now();
        let mut tree = Tree::restore(self.rows.values().cloned());
        let slug = |number: u8| Slug::parse(&format!("s{number}")).unwrap();
        let name = CategoryName::parse("name").unwrap();
        let created = CategoryId::new();
        let outcome = match *change {
            Change::Add { parent, position, slug: number } => {
                tree.add(created, name, slug(number), self.named(parent), position, now)
            }
            Change::Relocate { category, parent, position } => match self.named(category) {
                Some(category) => tree.relocate(category, self.named(parent), position, now),
                None => return,
            },
            Change::Rename { category, slug: number } => match self.named(category) {
                Some(category) => {
                    tree.rename(category, &self.rows[&category].version().into(), None, Some(slug(number)), now)
                }
                None => return,
            },
        };
        assert!(outcome.is_ok() || tree.changes().is_empty(), "a refusal changed something: {outcome:?}");
        for changed in tree.changes() {
            let former = self.rows.insert(changed.id(), changed.clone());
            assert_eq!(changed.version(), former.map_or(1, |former| former.version() + 1), "one version per change");
        }
        if self.rows.contains_key(&created) {
            self.order.push(created);
        }
    }

    fn named(&self, number: usize) -> Option<CategoryId> {
        self.order.get(number).copied()
    }

    fn check(&self) {
        let mut siblings: BTreeMap<Option<CategoryId>, Vec<&Category>> = BTreeMap::new();
        for category in self.rows.values() {
            let above = category.parent().map_or(&[][..], |parent| self.rows[&parent].path());
            assert_eq!(category.path(), [above, &[category.id()]].concat(), "a path runs through the parent's");
            assert!(category.path().len() <= DEPTH_LIMIT);
            siblings.entry(category.parent()).or_default().push(category);
        }
        for group in siblings.values_mut() {
            group.sort_by_key(|category| category.position());
            let positions: Vec<_> = group.iter().map(|category| category.position()).collect();
            assert_eq!(positions, (0..).take(group.len()).collect::<Vec<_>>(), "positions have no gap");
            let slugs: BTreeSet<_> = group.iter().map(|category| category.slug()).collect();
            assert_eq!(slugs.len(), group.len(), "a slug is unique among siblings");
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_changes_breaks_the_tree(changes in proptest::collection::vec(change(), 1..60)) {
        let mut stored = Stored::default();
        for change in &changes {
            stored.apply(change);
            stored.check();
        }
    }
}
