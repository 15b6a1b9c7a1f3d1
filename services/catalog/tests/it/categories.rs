//! The catalog's copy of the category tree: states in any order, a large subtree that moves, and what was taken out of the tree.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use catalog::commands::apply_categories::ApplyCategories;
use catalog::domain::category::CategoryCopy;
use kernel::{CategoryId, OrganisationId, Slug};
use mediator::Scope;
use serde_json::json;
use testkit::problem_fields;

use crate::world::{World, product};

/// A tree as its owner keeps it, and every state that it has published.
struct Owner {
    organisation: OrganisationId,
    parents: BTreeMap<CategoryId, (Option<CategoryId>, i64)>,
    said: Vec<CategoryCopy>,
}

impl Owner {
    fn new(world: &World) -> Self {
        Self { organisation: world.scene.organisation(), parents: BTreeMap::new(), said: Vec::new() }
    }

    fn path(&self, category: CategoryId) -> Vec<CategoryId> {
        let mut path = vec![category];
        while let Some(parent) = self.parents[&path[0]].0 {
            path.insert(0, parent);
        }
        path
    }

    fn create(&mut self, parent: Option<CategoryId>) -> CategoryId {
        let category = CategoryId::new();
        self.place(category, parent);
        category
    }

    /// Creates it there or moves it there, and says so: of this category alone.
    fn place(&mut self, category: CategoryId, parent: Option<CategoryId>) {
        let version = self.parents.get(&category).map_or(1, |(_, version)| version + 1);
        self.parents.insert(category, (parent, version));
        self.say(category, false);
    }

    /// Changes nothing about its place.
    fn change(&mut self, category: CategoryId, removed: bool) {
        if let Some((_, version)) = self.parents.get_mut(&category) {
            *version += 1;
        }
        self.say(category, removed);
    }

    fn say(&mut self, category: CategoryId, removed: bool) {
        let (parent, version) = self.parents[&category];
        let slug = Slug::parse(&format!("s{}", self.parents.len())).unwrap();
        let (organisation, path) = (self.organisation, self.path(category));
        self.said.push(CategoryCopy { organisation, category, parent, slug, path, removed, version });
    }

    /// The path of each category, as the copy should have it.
    fn paths(&self) -> String {
        let line = |category: &CategoryId| {
            let path: Vec<String> = self.path(*category).iter().map(|id| id.uuid().to_string()).collect();
            format!("{} {{{}}}", category.uuid(), path.join(","))
        };
        let mut lines: Vec<String> = self.parents.keys().map(line).collect();
        lines.sort();
        lines.join(";")
    }
}

const PATHS: &str = "select string_agg(category_id || ' ' || path::text, ';' order by category_id) from categories";

async fn apply(world: &World, copies: &[CategoryCopy]) {
    // A batch has the newest state of each category only.
    let mut newest = BTreeMap::<CategoryId, CategoryCopy>::new();
    for copy in copies {
        let known = newest.entry(copy.category).or_insert_with(|| copy.clone());
        if known.version < copy.version {
            *known = copy.clone();
        }
    }
    let scope = Scope::batch(catalog::NAME, [world.scene.organisation()]);
    let command = ApplyCategories { copies: newest.into_values().collect(), gone: Vec::new() };
    world.mediator().send(&scope, command).await.unwrap();
}

/// A small tree in which parents and children change places, deep subtrees move, and moves follow each other.
fn story(world: &World) -> Owner {
    let mut owner = Owner::new(world);
    let top = owner.create(None);
    let one = owner.create(Some(top));
    let two = owner.create(Some(one));
    let three = owner.create(Some(two));
    let leaf = owner.create(Some(three));
    let other = owner.create(None);
    owner.place(two, Some(other));
    owner.change(leaf, false);
    // Parent and child change places: half of it makes a circle.
    owner.place(one, None);
    owner.place(top, Some(one));
    owner.place(other, Some(top));
    owner.place(three, Some(one));
    owner
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_are_right_in_whatever_order_the_states_come() {
    // The same numbers in every run (Knuth's generator).
    let mut seed = 20_261_127_u64;
    let mut below = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % bound
    };
    let world = World::quiet().await;
    for round in 0..200 {
        world.execute("delete from categories").await;
        let owner = story(&world);
        let mut states = owner.said.clone();
        // Compacted, the topic keeps the last state of each category.
        if round % 3 == 0 {
            states.retain(|state| owner.parents[&state.category].1 == state.version);
        }
        for last in (1..states.len()).rev() {
            states.swap(last, below(last + 1));
        }
        let size = below(states.len()) + 1;
        for batch in states.chunks(size) {
            apply(&world, batch).await;
        }
        assert_eq!(world.value(PATHS).await, owner.paths(), "round {round}: {states:#?}");
        apply(&world, &states[..size]).await;
        assert_eq!(world.value(PATHS).await, owner.paths(), "once more, round {round}");
    }
    world.stop().await;
}

/// `top` with 4,500 categories below it, in four levels.
fn large(owner: &mut Owner) -> CategoryId {
    let top = owner.create(None);
    let mut parents = vec![top];
    for number in 0..4_500 {
        // The first 600 may have children: every parent has at most a few dozen.
        let below = owner.create(Some(parents[number / 9]));
        if parents.len() < 600 {
            parents.push(below);
        }
    }
    top
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_subtree_moves_with_one_state() {
    let world = World::quiet().await;
    let mut owner = Owner::new(&world);
    let top = large(&mut owner);
    let home = owner.create(None);
    // The statistics are those of an empty table, as where a shop's whole tree has just come, and stay so.
    world.execute("alter table categories set (autovacuum_enabled = false)").await;
    apply(&world, &owner.said[..1]).await;
    world.execute("delete from categories").await;
    world.execute("vacuum (truncate off) categories").await;
    let started = Instant::now();
    for batch in owner.said.chunks(500) {
        apply(&world, batch).await;
    }
    println!("{} states came in {:?}", owner.said.len(), started.elapsed());
    assert_eq!(world.value(PATHS).await, owner.paths());
    let mut took = Vec::new();
    let mut applied = owner.said.len();
    for parent in [Some(home), None, Some(home)] {
        owner.place(top, parent);
        let started = Instant::now();
        apply(&world, &owner.said[applied..]).await;
        took.push(started.elapsed());
        applied = owner.said.len();
        assert_eq!(world.value(PATHS).await, owner.paths());
    }
    println!("the state of one that moved with 4,500 below it was applied in {took:?}");
    // Whatever else the machine does slows down moves, and makes none of them faster.
    assert!(took.iter().min() < Some(&Duration::from_secs(1)), "{took:?}");
    // What concerns no path touches no other row.
    let touched =
        "select count(*) from categories where xmin = (select max(xmin::text::bigint) from categories)::text::xid";
    owner.change(home, false);
    apply(&world, &owner.said[applied..]).await;
    assert_eq!(world.value(touched).await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_at_once_see_the_parents_of_each_other() {
    let world = World::quiet().await;
    for _ in 0..30 {
        world.execute("delete from categories").await;
        let mut owner = Owner::new(&world);
        let tops: Vec<CategoryId> = (0..6).map(|_| owner.create(None)).collect();
        let below: Vec<CategoryId> = tops.iter().map(|top| owner.create(Some(*top))).collect();
        let leaves: Vec<CategoryId> = below.iter().map(|below| owner.create(Some(*below))).collect();
        for (number, below) in below.iter().enumerate() {
            owner.place(*below, Some(tops[(number + 1) % tops.len()]));
        }
        // The leaves say a path from before the moves; all that says better comes at the same time.
        let of = |ids: &[CategoryId]| -> Vec<CategoryCopy> {
            owner.said.iter().filter(|state| ids.contains(&state.category)).cloned().collect()
        };
        let (tops, below, leaves) = (of(&tops), of(&below), of(&leaves));
        tokio::join!(apply(&world, &leaves), apply(&world, &below), apply(&world, &tops));
        assert_eq!(world.value(PATHS).await, owner.paths());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_product_is_put_into_a_category_that_is_removed_or_below_a_removed_one() {
    let world = World::quiet().await;
    let mut owner = Owner::new(&world);
    let home = owner.create(None);
    let lamps = owner.create(Some(home));
    let desk = owner.create(Some(lamps));
    apply(&world, &owner.said).await;
    let try_it = async |sku: &str, category: CategoryId| {
        let mut body = product(&sku.to_lowercase(), &[(sku, 100, 1)]);
        body["category"] = json!(category);
        world.owner().post("/admin/v1/products", &body).await
    };
    assert_eq!(try_it("IN-USE", desk).await.0, 201);
    owner.change(lamps, true);
    apply(&world, &owner.said).await;
    for (sku, category) in [("LAMPS", lamps), ("DESK", desk)] {
        let (status, problem) = try_it(sku, category).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["category"]), "{problem}");
    }
    assert_eq!(try_it("HOME", home).await.0, 201, "the one above is in use");
    let slug = &owner.said.iter().rfind(|state| state.category == desk).unwrap().slug;
    let line = json!({"slug": "by-slug", "title": "T", "category": slug, "variants": [
        {"sku": "BY-SLUG", "price": {"amount": "1.00", "currency": "USD"}}
    ]});
    world.import("application/x-ndjson", &line.to_string()).await;
    assert_eq!(world.value("select count(*) from products where slug = 'by-slug'").await, "0", "nor by its slug");
    owner.change(lamps, false);
    apply(&world, &owner.said).await;
    assert_eq!(try_it("BACK", desk).await.0, 201);
    world.stop().await;
}
