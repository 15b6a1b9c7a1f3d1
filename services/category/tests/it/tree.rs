//! No sequence of changes breaks the rules of a tree, and what it reports as changed is everything that changed.

use std::collections::{BTreeMap, BTreeSet};

use category::domain::{
    BulkNode, Category, CategoryName, DEPTH_LIMIT, Details, DetailsChange, ReferenceValue, SentText, Tree, TreeError,
    place,
};
use kernel::{CategoryId, Clock, Slug};
use proptest::prelude::*;

/// A change to try. Categories are numbered in the order of their creation; a number past the last one means the top
/// level.
#[derive(Debug, Clone)]
enum Change {
    Add {
        parent: usize,
        position: Option<usize>,
        slug: u8,
    },
    Relocate {
        category: usize,
        parent: usize,
        position: Option<usize>,
    },
    Rename {
        category: usize,
        slug: u8,
    },
    Retire {
        category: usize,
    },
    Restore {
        category: usize,
    },
    /// The children of the parent are put in the order of their ids, from this one on, in a circle; `lost` leaves one out.
    Reorder {
        parent: usize,
        from: usize,
        lost: bool,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let position = || proptest::option::of(0..6_usize);
    prop_oneof![
        3 => (0..12_usize, position(), 0..6_u8).prop_map(|(parent, position, slug)| Change::Add { parent, position, slug }),
        4 => (0..20_usize, 0..24_usize, position())
            .prop_map(|(category, parent, position)| Change::Relocate { category, parent, position }),
        1 => (0..20_usize, 0..6_u8).prop_map(|(category, slug)| Change::Rename { category, slug }),
        1 => (0..20_usize).prop_map(|category| Change::Retire { category }),
        1 => (0..20_usize).prop_map(|category| Change::Restore { category }),
        2 => (0..20_usize, 0..6_usize, proptest::bool::weighted(0.2))
            .prop_map(|(parent, from, lost)| Change::Reorder { parent, from, lost }),
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
        let created = CategoryId::new();
        let outcome = match *change {
            Change::Add { parent, position, slug: number } => {
                let parent = self.named(parent);
                let retired = parent.is_some_and(|parent| tree.is_retired(parent));
                let added = tree.add(created, titled(slug(number)), parent, position, now);
                assert!(!retired || matches!(added, Err(TreeError::RetiredParent { .. })), "put below a retired one");
                added
            }
            Change::Relocate { category, parent, position } => match self.named(category) {
                Some(category) => tree.relocate(category, self.named(parent), position, now),
                None => return,
            },
            Change::Rename { category, slug: number } => match self.named(category) {
                Some(category) => {
                    let change = DetailsChange { slug: Some(slug(number)), ..DetailsChange::default() };
                    tree.describe(category, &self.rows[&category].version().into(), change, now)
                }
                None => return,
            },
            Change::Retire { category } => match self.named(category) {
                Some(category) => tree.retire(category, now),
                None => return,
            },
            Change::Restore { category } => match self.named(category) {
                Some(category) => tree.restore_category(category, now),
                None => return,
            },
            Change::Reorder { parent, from, lost } => {
                let parent = self.named(parent);
                let mut order: Vec<_> = tree.siblings(parent).map(Category::id).collect();
                order.sort();
                let from = from.min(order.len());
                order.rotate_left(from);
                let complete = !lost || order.pop().is_none();
                let reordered = tree.reorder(parent, &order, now);
                assert_eq!(reordered.is_ok(), complete, "each child is named, or it is refused");
                reordered
            }
        };
        let untouched = tree.changes().is_empty() && tree.carried().is_empty();
        assert!(outcome.is_ok() || untouched, "a refusal changed something: {outcome:?}");
        for carried in tree.carried() {
            let former = self.rows.insert(carried.id(), carried.clone()).unwrap();
            let same = (former.version(), former.parent(), former.position(), former.updated_at());
            assert_eq!(same, (carried.version(), carried.parent(), carried.position(), carried.updated_at()));
        }
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

fn titled(slug: Slug) -> Details {
    Details::named(CategoryName::parse("name").unwrap(), slug)
}

/// Nodes whose parents are numbers of nodes: some come later, some are nodes below, some do not exist.
fn nodes() -> impl Strategy<Value = Vec<BulkNode>> {
    let node = (0..60_u8, proptest::option::weighted(0.9, 0..70_u8), 0..40_u8);
    let text = |number: u8| ReferenceValue::parse(&format!("node {number}")).unwrap();
    let node = node.prop_map(move |(reference, parent, name)| BulkNode {
        reference: text(reference),
        name: Some(SentText::parse(&format!("name {name}")).unwrap()),
        slug: (name % 3 == 0).then(|| SentText::parse(&format!("slug-{name}")).unwrap()),
        parent_reference: parent.map(text),
        parent: None,
    });
    proptest::collection::vec(node, 1..80)
}

/// A chain deeper than the tree may be, some children of each link, and an order to send them in.
fn deep_nodes() -> impl Strategy<Value = Vec<BulkNode>> {
    let text = |number: usize| ReferenceValue::parse(&format!("{number}")).unwrap();
    let all: Vec<BulkNode> = (0..60_usize)
        .map(|number| BulkNode {
            reference: text(number),
            name: Some(SentText::parse(&format!("name {number}")).unwrap()),
            slug: None,
            parent_reference: (number > 0).then(|| text(if number < 12 { number - 1 } else { number % 12 })),
            parent: None,
        })
        .collect();
    Just(all).prop_shuffle()
}

proptest! {
    #[test]
    fn every_node_of_a_bulk_is_placed_or_reported_and_the_tree_stays_sound(nodes in nodes()) {
        let mut tree = Tree::default();
        let placed = place(&mut tree, &nodes, None, Clock::now());
        prop_assert_eq!(placed.created.len() + placed.not_placed.len(), nodes.len());
        let distinct: BTreeSet<_> = placed.created.iter().map(|node| &node.reference).collect();
        prop_assert_eq!(distinct.len(), placed.created.len(), "nothing is placed twice");
        let mut stored = Stored::default();
        stored.rows.extend(tree.changes().into_iter().map(|category| (category.id(), category.clone())));
        prop_assert_eq!(stored.rows.len(), placed.created.len());
        stored.check();
        let ids: BTreeMap<_, _> = placed.created.iter().map(|node| (&node.reference, node.category)).collect();
        for node in &nodes {
            if let Some(id) = ids.get(&node.reference)
                && placed.not_placed.iter().all(|refused| refused.reference != node.reference)
            {
                let parent = node.parent_reference.as_ref().map(|parent| ids[parent]);
                prop_assert_eq!(stored.rows[id].parent(), parent);
            }
        }
    }

    #[test]
    fn what_a_bulk_places_does_not_depend_on_its_order(nodes in deep_nodes()) {
        let mut tree = Tree::default();
        let placed = place(&mut tree, &nodes, None, Clock::now());
        let number = |reference: &ReferenceValue| reference.as_str().parse::<usize>().unwrap();
        let created: BTreeSet<_> = placed.created.iter().map(|node| number(&node.reference)).collect();
        // Links 0 to 7 stand on levels 1 to 8, and children of link 6 on level 8.
        let expected: BTreeSet<_> = (0..60).filter(|number| if *number < 12 { *number < 8 } else { number % 12 < 7 }).collect();
        prop_assert_eq!(created, expected);
    }

    #[test]
    fn no_sequence_of_changes_breaks_the_tree(changes in proptest::collection::vec(change(), 1..60)) {
        let mut stored = Stored::default();
        for change in &changes {
            stored.apply(change);
            stored.check();
        }
    }
}
