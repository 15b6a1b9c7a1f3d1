//! Creating many categories at once, in any order, from a source whose tree may be broken.
//! The rule: every node that is sent is either placed or reported with the reason, and nothing is placed twice.

use std::collections::{HashMap, HashSet};

use kernel::{CategoryId, Malformed, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CategoryName, Details, ReferenceValue, References, Tree, TreeError};

/// A text as a source has it, bounded and nothing more: whether it is a good name or slug is said node by node.
#[derive(Clone, PartialEq, Eq)]
pub struct SentText(String);

impl SentText {
    /// The longest text, in characters.
    pub const LIMIT: usize = 1_000;

    /// # Errors
    /// `Malformed` when it is longer than 1,000 characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.chars().count() > Self::LIMIT {
            return Err(Malformed::new("text", "must have at most 1000 characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

kernel::text!(SentText, {"type": "string", "maxLength": Self::LIMIT});

/// A category to create, under a parent that is created in the same call or exists.
#[derive(Debug, Clone)]
pub struct BulkNode {
    /// What the caller calls it.
    pub reference: ReferenceValue,
    /// Its name, if it was sent with one.
    pub name: Option<SentText>,
    /// Its slug; made from the name when none.
    pub slug: Option<SentText>,
    /// The parent among the nodes of the call.
    pub parent_reference: Option<ReferenceValue>,
    /// The parent among the categories that exist.
    pub parent: Option<CategoryId>,
}

/// A node that is a category now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    /// What the caller calls it.
    pub reference: ReferenceValue,
    /// The category.
    pub category: CategoryId,
}

/// Why a node could not be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// An earlier node of the call has its reference.
    DuplicateReference,
    /// It names two parents: one of the call and one that exists.
    TwoParents,
    /// Its parent is neither in the call nor in the tree.
    UnknownParent,
    /// Its parents lead back to itself.
    Cycle,
    /// Its parent is in the call, and could not be placed.
    ParentNotPlaced,
    /// Its parent is retired.
    ParentRetired,
    /// It has no name, or one that no category may have.
    BadName,
    /// Its slug is malformed, or it has none and its name has no letter or digit to make one from.
    BadSlug,
    /// A sibling has its slug.
    SlugTaken,
    /// Another category has its reference in that system.
    ReferenceTaken,
    /// It would stand deeper than the tree may be.
    TooDeep,
    /// Its parent has as many children as it may have.
    TooManyChildren,
    /// The organisation has as many categories as it may have.
    TreeFull,
}

/// A node that was not placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotPlaced {
    /// Which node of the call it was, from 0.
    pub index: usize,
    /// What the caller calls it.
    pub reference: ReferenceValue,
    /// Why it was not placed.
    pub reason: Reason,
    /// The same for people, with names.
    pub detail: String,
}

/// What became of the nodes of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlacedTree {
    /// The categories that were created, parents before children.
    pub created: Vec<Created>,
    /// Every node that was not placed, in the order of the call.
    pub not_placed: Vec<NotPlaced>,
}

/// Puts nodes into the tree, in whatever order they come: children of one parent stand in the order of the call, behind those
/// that the parent has. With a `system`, each reference becomes the category's reference in it.
pub fn place(tree: &mut Tree, nodes: &[BulkNode], system: Option<&Slug>, now: Timestamp) -> PlacedTree {
    let mut named = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        named.entry(&node.reference).or_insert(index);
    }
    let mut placing = Placing { tree, nodes, system, now, named, fates: vec![None; nodes.len()] };
    let (mut ready, below) = placing.sort();
    let mut created = Vec::new();
    let mut next = 0;
    while let Some((index, parent)) = ready.get(next).copied() {
        next += 1;
        let children = below.get(&index).map(Vec::as_slice).unwrap_or_default();
        match placing.add(index, parent) {
            Ok(category) => {
                created.push(Created { reference: nodes[index].reference.clone(), category });
                ready.extend(children.iter().map(|child| (*child, Some(category))));
            }
            Err(fate) => placing.refuse(index, fate, &below),
        }
    }
    placing.refuse_cycles(&below);
    let not_placed = nodes.iter().zip(placing.fates).enumerate().filter_map(|(index, (node, fate))| match fate {
        Some(Fate::Not(reason, detail)) => Some(NotPlaced { index, reference: node.reference.clone(), reason, detail }),
        Some(Fate::Placed) | None => None,
    });
    let not_placed = not_placed.collect();
    PlacedTree { created, not_placed }
}

/// What became of one node.
#[derive(Debug, Clone)]
enum Fate {
    Placed,
    Not(Reason, String),
}

/// The nodes that can be tried at once, each with its parent.
type Ready = Vec<(usize, Option<CategoryId>)>;
/// The nodes that wait for a node of the call.
type Below = HashMap<usize, Vec<usize>>;

struct Placing<'a> {
    tree: &'a mut Tree,
    nodes: &'a [BulkNode],
    system: Option<&'a Slug>,
    now: Timestamp,
    /// The first node with each reference.
    named: HashMap<&'a ReferenceValue, usize>,
    fates: Vec<Option<Fate>>,
}

impl Placing<'_> {
    /// Tells the nodes that can be placed from those that wait for another one; refuses those that never can be.
    fn sort(&mut self) -> (Ready, Below) {
        let (mut ready, mut below) = (Ready::new(), Below::new());
        let mut refused = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let first = self.named.get(&node.reference).copied().unwrap_or(index);
            if first != index {
                let detail = format!("node {first} of this call has the reference \"{}\" already", node.reference);
                self.fates[index] = Some(Fate::Not(Reason::DuplicateReference, detail));
                continue;
            }
            match (&node.parent_reference, node.parent) {
                (None, parent) => ready.push((index, parent)),
                (Some(parent), Some(_)) => {
                    let detail =
                        format!("it names the parent \"{parent}\" of this call and an existing one; send one of them");
                    refused.push((index, Fate::Not(Reason::TwoParents, detail)));
                }
                (Some(parent), None) => match self.named.get(parent).copied() {
                    Some(parent) => below.entry(parent).or_default().push(index),
                    None => {
                        let detail = format!("no node of this call has the reference \"{parent}\"");
                        refused.push((index, Fate::Not(Reason::UnknownParent, detail)));
                    }
                },
            }
        }
        for (index, fate) in refused {
            self.refuse(index, fate, &below);
        }
        (ready, below)
    }

    fn add(&mut self, index: usize, parent: Option<CategoryId>) -> Result<CategoryId, Fate> {
        let id = CategoryId::new();
        let details = self.details(id, index, parent)?;
        self.tree.add(id, details, parent, None, self.now).map_err(|refusal| {
            let reason = match &refusal {
                TreeError::SlugTaken { .. } => Reason::SlugTaken,
                TreeError::ReferenceTaken { .. } => Reason::ReferenceTaken,
                TreeError::RetiredParent { .. } => Reason::ParentRetired,
                TreeError::TooDeep { .. } => Reason::TooDeep,
                TreeError::TooManyChildren => Reason::TooManyChildren,
                TreeError::Full => Reason::TreeFull,
                TreeError::Cycle { .. } => Reason::Cycle,
                TreeError::Unknown { .. }
                | TreeError::UnknownParent { .. }
                | TreeError::OtherChildren { .. }
                | TreeError::Stale { .. } => Reason::UnknownParent,
            };
            Fate::Not(reason, refusal.to_string())
        })?;
        self.fates[index] = Some(Fate::Placed);
        Ok(id)
    }

    fn details(&self, id: CategoryId, index: usize, parent: Option<CategoryId>) -> Result<Details, Fate> {
        let node = &self.nodes[index];
        let name = node.name.as_ref().map(SentText::as_str).unwrap_or_default();
        let bad_name = |fault: Malformed| Fate::Not(Reason::BadName, fault.to_string());
        let bad_slug = |fault: Malformed| Fate::Not(Reason::BadSlug, fault.to_string());
        let parsed = CategoryName::parse(name).map_err(bad_name)?;
        let slug = match &node.slug {
            Some(asked) => Slug::parse(asked.as_str()).map_err(bad_slug)?,
            None => {
                let needed = "is needed, since the name has no letter or digit to make one from";
                let suggested = Slug::suggest(name).ok_or(Malformed::new("slug", needed)).map_err(bad_slug)?;
                self.tree.free_slug(id, &suggested, parent)
            }
        };
        let mut details = Details::named(parsed, slug);
        if let Some(system) = self.system {
            details.references = References::one(system.clone(), node.reference.clone());
        }
        Ok(details)
    }

    /// Refuses a node, and for that whatever waits for it.
    fn refuse(&mut self, index: usize, fate: Fate, below: &Below) {
        self.fates[index] = Some(fate);
        let mut parents = vec![index];
        while let Some(parent) = parents.pop() {
            for child in below.get(&parent).into_iter().flatten().copied() {
                if self.fates[child].is_none() {
                    let detail = format!("its parent \"{}\" could not be placed", self.nodes[parent].reference);
                    self.fates[child] = Some(Fate::Not(Reason::ParentNotPlaced, detail));
                    parents.push(child);
                }
            }
        }
    }

    /// What has no fate yet waits for itself, or for what does.
    fn refuse_cycles(&mut self, below: &Below) {
        for start in 0..self.nodes.len() {
            if self.fates[start].is_some() {
                continue;
            }
            let mut walk = vec![start];
            let mut seen = HashSet::from([start]);
            let first = loop {
                let Some(parent) = walk.last().and_then(|at| self.parent_in_call(*at)) else { break start };
                if !seen.insert(parent) {
                    break parent;
                }
                walk.push(parent);
            };
            let cycle: Vec<usize> = walk.into_iter().skip_while(|at| *at != first).collect();
            let detail = format!("its parents lead back to it in a circle of {}", cycle.len());
            for index in &cycle {
                self.fates[*index] = Some(Fate::Not(Reason::Cycle, detail.clone()));
            }
            for index in cycle {
                self.refuse(index, Fate::Not(Reason::Cycle, detail.clone()), below);
            }
        }
    }

    fn parent_in_call(&self, index: usize) -> Option<usize> {
        self.named.get(self.nodes[index].parent_reference.as_ref()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn node(reference: &str, parent: Option<&str>) -> BulkNode {
        let name = SentText::parse(reference).unwrap();
        let parent_reference = parent.map(|parent| ReferenceValue::parse(parent).unwrap());
        let reference = ReferenceValue::parse(reference).unwrap();
        BulkNode { reference, name: Some(name), slug: None, parent_reference, parent: None }
    }

    fn reasons(placed: &PlacedTree) -> BTreeMap<&str, Reason> {
        placed.not_placed.iter().map(|node| (node.reference.as_str(), node.reason)).collect()
    }

    fn sent(text: &str) -> Option<SentText> {
        Some(SentText::parse(text).unwrap())
    }

    #[test]
    fn children_may_come_before_their_parents() {
        let mut tree = Tree::default();
        let nodes = [node("leaf", Some("branch")), node("branch", Some("root")), node("root", None)];
        let placed = place(&mut tree, &nodes, None, kernel::Clock::now());
        let order: Vec<_> = placed.created.iter().map(|node| node.reference.as_str()).collect();
        assert_eq!((order, placed.not_placed.len()), (vec!["root", "branch", "leaf"], 0));
        assert_eq!(tree.find(placed.created[2].category).unwrap().path().len(), 3);
    }

    #[test]
    fn each_node_that_cannot_be_placed_has_its_reason() {
        let mut tree = Tree::default();
        let (retired, now) = (CategoryId::new(), kernel::Clock::now());
        let details = Details::named(CategoryName::parse("Old").unwrap(), Slug::parse("old").unwrap());
        tree.add(retired, details, None, None, now).unwrap();
        tree.retire(retired, now).unwrap();
        let nameless = BulkNode { name: None, ..node("nameless", None) };
        let slugless = BulkNode { name: sent("!?"), ..node("slugless", None) };
        let bad_slug = BulkNode { slug: sent("Not a slug"), ..node("bad-slug", None) };
        let taken = BulkNode { slug: sent("old"), ..node("taken", None) };
        let lost = BulkNode { parent: Some(CategoryId::new()), ..node("lost", None) };
        let torn = BulkNode { parent: Some(retired), ..node("torn", Some("good")) };
        let below_retired = BulkNode { parent: Some(retired), ..node("below-retired", None) };
        let nodes = [
            node("good", None),
            node("good", Some("dangling")),
            nameless,
            node("below-nameless", Some("nameless")),
            slugless,
            bad_slug,
            taken,
            lost,
            torn,
            below_retired,
            node("dangling", Some("nowhere")),
            node("below-dangling", Some("dangling")),
            node("further-below", Some("below-dangling")),
            node("round-1", Some("round-2")),
            node("round-2", Some("round-3")),
            node("round-3", Some("round-1")),
            node("below-round", Some("round-2")),
            node("self", Some("self")),
        ];
        let placed = place(&mut tree, &nodes, None, now);
        assert_eq!(placed.created.len(), 1);
        assert_eq!(placed.not_placed.len(), nodes.len() - 1, "every node is in one of the two lists");
        let expected = BTreeMap::from([
            ("good", Reason::DuplicateReference),
            ("nameless", Reason::BadName),
            ("below-nameless", Reason::ParentNotPlaced),
            ("slugless", Reason::BadSlug),
            ("bad-slug", Reason::BadSlug),
            ("taken", Reason::SlugTaken),
            ("lost", Reason::UnknownParent),
            ("torn", Reason::TwoParents),
            ("below-retired", Reason::ParentRetired),
            ("dangling", Reason::UnknownParent),
            ("below-dangling", Reason::ParentNotPlaced),
            ("further-below", Reason::ParentNotPlaced),
            ("round-1", Reason::Cycle),
            ("round-2", Reason::Cycle),
            ("round-3", Reason::Cycle),
            ("below-round", Reason::ParentNotPlaced),
            ("self", Reason::Cycle),
        ]);
        assert_eq!(reasons(&placed), expected);
    }

    #[test]
    fn the_limits_of_the_tree_hold_for_many_at_once() {
        let (mut tree, now) = (Tree::default(), kernel::Clock::now());
        let chain: Vec<String> = (0..10).map(|level| format!("level-{level}")).collect();
        let mut nodes: Vec<_> = chain.windows(2).map(|pair| node(&pair[1], Some(&pair[0]))).collect();
        nodes.push(node(&chain[0], None));
        nodes.extend((0..1_001).map(|number| node(&format!("child-{number}"), Some("level-0"))));
        let placed = place(&mut tree, &nodes, None, now);
        let expected = BTreeMap::from([
            ("level-8", Reason::TooDeep),
            ("level-9", Reason::ParentNotPlaced),
            ("child-999", Reason::TooManyChildren),
            ("child-1000", Reason::TooManyChildren),
        ]);
        assert_eq!(reasons(&placed), expected);
    }

    #[test]
    fn a_second_call_with_the_same_system_places_nothing_twice() {
        let (mut tree, now) = (Tree::default(), kernel::Clock::now());
        let system = Slug::parse("old-shop").unwrap();
        let nodes = [node("a", None), node("b", Some("a"))];
        assert_eq!(place(&mut tree, &nodes, Some(&system), now).created.len(), 2);
        let again = place(&mut tree, &nodes, Some(&system), now);
        assert!(again.created.is_empty());
        let expected = BTreeMap::from([("a", Reason::ReferenceTaken), ("b", Reason::ParentNotPlaced)]);
        assert_eq!(reasons(&again), expected);
    }
}
