//! How many products stand in each category: from catalog's states, however often and late they come.

use category::{commands::ApplyProducts, domain::ProductCopy, events::rebuild_product_counts};
use contracts::catalog::{Listing, ProductState, ProductStatus};
use kernel::{CategoryId, ChannelCode, OrganisationId, ProductId};
use mediator::Scope;
use messaging::Outgoing;
use serde_json::{Value, json};
use testkit::{eventually, publish};

use crate::world::{PATIENCE, World, product};

const ACTIVE: ProductStatus = ProductStatus::Active;
const DRAFT: ProductStatus = ProductStatus::Draft;

/// Slug, own and whole-subtree count of each item of a listing.
fn counted(listing: &Value) -> Vec<(String, i64, i64)> {
    let figures = |item: &Value| {
        let number = |name: &str| item[name].as_i64().unwrap();
        (item["slug"].as_str().unwrap().to_owned(), number("products"), number("products_below"))
    };
    listing["items"].as_array().unwrap().iter().map(figures).collect()
}

fn expected(figures: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    figures.iter().map(|(slug, own, below)| ((*slug).to_owned(), *own, *below)).collect()
}

async fn listed(world: &World) -> Vec<(String, i64, i64)> {
    counted(&world.owner().get("/admin/v1/categories").await.1)
}

fn id(category: &str) -> CategoryId {
    category.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_are_counted_however_often_and_late_their_states_come() {
    let world = World::connected().await;
    let lamps = world.create("lamps", None).await;
    let desk = world.create("desk", Some(&lamps)).await;
    let sale = world.create("sale", None).await;
    let (lamps, desk, sale) = (id(&lamps), id(&desk), id(&sale));
    let [first, second, third, gone, lost] = [(); 5].map(|()| ProductId::new());
    let elsewhere = ProductState {
        channels: Listing::only([ChannelCode::parse("market").unwrap()].into()),
        ..product(ProductId::new(), Some(sale), ACTIVE, 1)
    };
    let mut unsold = product(ProductId::new(), Some(sale), ACTIVE, 1);
    unsold.variants.iter_mut().for_each(|variant| variant.active = false);
    let story = [
        product(first, Some(sale), DRAFT, 1),
        product(first, Some(desk), ACTIVE, 2),
        product(second, Some(lamps), ACTIVE, 1),
        product(second, Some(desk), ACTIVE, 2),
        product(second, Some(lamps), DRAFT, 3),
        product(third, Some(desk), ACTIVE, 1),
        product(third, None, ACTIVE, 2),
        product(third, Some(sale), ACTIVE, 3),
        product(gone, Some(desk), ACTIVE, 1),
        product(lost, Some(CategoryId::new()), ACTIVE, 1),
        elsewhere,
        unsold,
    ];
    let state = |state: &ProductState| publish(Some(world.scene.organisation()), state.version, state);
    let mut records: Vec<Outgoing> = story.iter().map(state).collect();
    records.push(Outgoing { payload: None, ..publish(Some(world.scene.organisation()), 2, &story[8]) });
    let (all, shop) = (
        expected(&[("lamps", 1, 2), ("desk", 1, 1), ("sale", 3, 3)]),
        expected(&[("lamps", 0, 1), ("desk", 1, 1), ("sale", 1, 1)]),
    );
    let late: Vec<Outgoing> = records.iter().rev().cloned().collect();
    for records in [&records, &late, &records[..5].to_vec(), &records] {
        world.scene.send(records).await;
        eventually(PATIENCE, async || {
            let seen = listed(&world).await;
            if seen == all { Ok(()) } else { Err(seen) }
        })
        .await;
    }
    settled(&world).await;
    assert_eq!(listed(&world).await, all);
    assert_eq!(counted(&world.shop().await), shop, "the shop counts what is sold");
    assert_eq!(counts(&world).await, recounted(&world).await);

    let (_, part) = world.owner().get(&format!("/admin/v1/categories?root={lamps}")).await;
    assert_eq!(counted(&part), expected(&[("lamps", 1, 2), ("desk", 1, 1)]));
    let (_, found) = world.owner().get(&format!("/admin/v1/categories/{lamps}")).await;
    assert_eq!((&found["products"], &found["products_below"]), (&json!(1), &json!(2)), "{found}");

    // Whatever somebody wrote past this service goes with a rebuild.
    let organisation = world.scene.organisation().uuid();
    world
        .execute(&format!(
            "update product_counts set products = 77;
             insert into product_placements values ('{organisation}', gen_random_uuid(), array['{}'::uuid], true, 9, now());
             update product_placements set categories = '{{}}' where product_id = '{}';
             delete from product_placements where product_id = '{}'",
            desk.uuid(),
            first.uuid(),
            third.uuid(),
        ))
        .await;
    let rebuilt = rebuild_product_counts(world.mediator(), &world.scene.messaging()).await.unwrap();
    assert_eq!((rebuilt.unreadable, rebuilt.dropped), (0, 1), "the one that no record speaks of");
    assert_eq!(listed(&world).await, all);
    assert_eq!(counts(&world).await, recounted(&world).await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_at_once_of_the_same_products_and_categories_lose_no_count() {
    let world = World::quiet().await;
    let parent = id(&world.create("parent", None).await);
    let below = [("one", 0), ("two", 1), ("three", 2)];
    let mut categories = Vec::new();
    for (slug, _) in below {
        categories.push(id(&world.create(slug, Some(&parent.to_string())).await));
    }
    let products: Vec<ProductId> = (0..30).map(|_| ProductId::new()).collect();
    let organisation = world.scene.organisation();
    let state = |number: usize, product: ProductId, version: i64| {
        let step = number + usize::try_from(version).unwrap();
        // Some stand in two categories, some in none.
        let mut standing: Vec<CategoryId> = categories.iter().copied().skip(step % 3).take(step % 4).collect();
        standing.sort();
        ProductCopy { organisation, product, categories: standing, active: step.is_multiple_of(2), version }
    };
    let batches = (0..24_usize).map(|batch| {
        let version = i64::try_from(batch * 7 % 24).unwrap() + 1;
        let copies = products.iter().enumerate().map(|(number, product)| state(number, *product, version)).collect();
        apply(&world, organisation, copies)
    });
    futures_of(batches).await;
    assert_eq!(counts(&world).await, recounted(&world).await);
    let latest: Vec<ProductCopy> =
        products.iter().enumerate().map(|(number, product)| state(number, *product, 24)).collect();
    let standing = latest.iter().filter(|copy| !copy.categories.is_empty()).count();
    let (_, found) = world.owner().get(&format!("/admin/v1/categories/{parent}")).await;
    assert_eq!(found["products_below"], standing, "each once, in however many categories it stands");
    assert_eq!(listed(&world).await[0], ("parent".to_owned(), 0, i64::try_from(standing).unwrap()));
    world.stop().await;
}

fn apply(world: &World, organisation: OrganisationId, products: Vec<ProductCopy>) -> tokio::task::JoinHandle<()> {
    let mediator = world.mediator().clone();
    tokio::spawn(async move {
        let scope = Scope::batch(category::NAME, [organisation]);
        mediator.send(&scope, ApplyProducts { products, rebuild: false }).await.unwrap();
    })
}

async fn futures_of(tasks: impl Iterator<Item = tokio::task::JoinHandle<()>>) {
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// The counts as they are kept, and as they follow from the products.
async fn counts(world: &World) -> String {
    world.value("select string_agg(concat_ws(' ', categories, products, active), ';' order by categories) from product_counts").await
}

async fn recounted(world: &World) -> String {
    world
        .value(
            "select string_agg(concat_ws(' ', categories, products, active), ';' order by categories) from (
                 select categories, count(*) as products, count(*) filter (where active) as active
                 from product_placements where cardinality(categories) > 0 group by categories) as counted",
        )
        .await
}

/// Waits until the consumer has taken everything: a last record on every partition has come through.
async fn settled(world: &World) {
    let partitions = usize::try_from(contracts::topics::PRODUCT.partitions).unwrap();
    // A key's partition is the broker's business; so many random keys that every partition gets one.
    let last: Vec<ProductId> = (0..partitions * 12).map(|_| ProductId::new()).collect();
    let records: Vec<Outgoing> = last
        .iter()
        .map(|last| publish(Some(world.scene.organisation()), 1, &product(*last, None, ACTIVE, 1)))
        .collect();
    world.scene.send(&records).await;
    let ids: Vec<String> = last.iter().map(|id| format!("'{}'", id.uuid())).collect();
    let count =
        format!("select count(*) from product_placements where version > 0 and product_id in ({})", ids.join(","));
    let wanted = last.len().to_string();
    eventually(PATIENCE, async || world.value(&count).await == wanted).await;
}
