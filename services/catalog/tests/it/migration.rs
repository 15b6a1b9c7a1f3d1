//! Products of the release before: what the migrations make of them, and that nothing is lost on the way back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use devstack::DatabaseRole;
use testkit::Scene;

/// The first migration of the product model. It and all that came after it are undone and done again.
const FIRST: &str = "2026-11-27-150000_product_model";

/// The texts of these migrations in this direction, from the first one on.
fn migrations(direction: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.filter(|name| name.as_str() >= FIRST).collect();
    names.iter().map(|name| fs::read_to_string(folder.join(name).join(direction)).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_of_the_release_before_keep_their_category_and_count_as_sold_unless_they_are_new_drafts() {
    let scene = Scene::new(catalog::NAME, catalog::MIGRATIONS).await;
    let (owner, root) = (scene.connect(DatabaseRole::Owner).await, scene.superuser().await);
    for down in migrations("down.sql").iter().rev() {
        owner.batch_execute(down).await.unwrap();
    }
    root.batch_execute(
        "insert into products (org_id, product_id, slug, title, category_id, status, price_from_minor, currency,
                               variant_count, version, created_at, updated_at)
         select gen_random_uuid(), gen_random_uuid(), slug, slug, category, status, 1, 'USD', 1, version, now(), now()
         from (values ('sold', gen_random_uuid(), 'active', 1), ('new', null, 'draft', 1), ('old', null, 'draft', 2),
                      ('retired', null, 'retired', 2)) as p(slug, category, status, version)",
    )
    .await
    .unwrap();
    for up in migrations("up.sql") {
        owner.batch_execute(&up).await.unwrap();
    }
    let rows = root
        .query(
            "select slug || ' ' || was_active || ' ' || cardinality(category_ids) from products
             where category_ids is not distinct from array_remove(array[category_id], null) order by slug",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, ["new false 0", "old true 0", "retired true 0", "sold true 1"]);
    for down in migrations("down.sql").iter().rev() {
        owner.batch_execute(down).await.unwrap();
    }
    let left = root.query("select 1 from products", &[]).await.unwrap();
    assert_eq!(left.len(), 4);
}
