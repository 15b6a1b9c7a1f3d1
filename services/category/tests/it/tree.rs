//! Whatever is done to a tree, it stays one; and what it says has changed is all that has changed.

use std::collections::{BTreeMap, BTreeSet};

use category::domain::{Category, CategoryName, DEPTH_LIMIT, Tree};
use kernel::{CategoryId, Clock, Slug};
use proptest::prelude::*;

/// One wish: categories are named by their place in the order of creation, beyond its end means the top level.
#[derive(Debug, Clone)]
enum Wish {
    Grow { parent: usize, position: Option<usize>, slug: u8 },
    Transplant { category: usize, parent: usize, position: Option<usize> },
    Rename { category: usize, slug: u8 },
}

fn wish() -> impl Strategy<Value = Wish> {
    let position = || proptest::option::of(0..6_usize);
    prop_oneof![
        3 => (0..12_usize, position(), 0..6_u8).prop_map(|(parent, position, slug)| Wish::Grow { parent, position, slug }),
        4 => (0..20_usize, 0..24_usize, position())
            .prop_map(|(category, parent, position)| Wish::Transplant { category, parent, position }),
        1 => (0..20_usize, 0..6_u8).prop_map(|(category, slug)| Wish::Rename { category, slug }),
    ]
}

/// What the store holds: only what the tree said has changed reaches it.
#[derive(Default)]
struct Stored {
    rows: BTreeMap<CategoryId, Category>,
    order: Vec<CategoryId>,
}

impl Stored {
    fn apply(&mut self, wish: &Wish) {
        let now = Clock::now();
        let mut tree = Tree::restore(self.rows.values().cloned());
        let slug = |number: u8| Slug::parse(&format!("s{number}")).unwrap();
        let name = CategoryName::parse("name").unwrap();
        let created = CategoryId::new();
        let outcome = match *wish {
            Wish::Grow { parent, position, slug: number } => {
                tree.grow(created, name, slug(number), self.named(parent), position, now)
            }
            Wish::Transplant { category, parent, position } => match self.named(category) {
                Some(category) => tree.transplant(category, self.named(parent), position, now),
                None => return,
            },
            Wish::Rename { category, slug: number } => match self.named(category) {
                Some(category) => tree.rename(category, self.rows[&category].version(), None, Some(slug(number)), now),
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
    fn no_sequence_of_changes_breaks_the_tree(wishes in proptest::collection::vec(wish(), 1..60)) {
        let mut stored = Stored::default();
        for wish in &wishes {
            stored.apply(wish);
            stored.check();
        }
    }
}
