//! What the database itself keeps, whatever a program does.

use devstack::DatabaseRole;
use kernel::CategoryId;
use testkit::assert_every_way_back;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenant_role_sees_no_row_of_another_organisation() {
    let world = World::quiet().await;
    let lamps: CategoryId = world.create("lamps", None).await.parse().unwrap();
    let (mine, lamps) = (world.scene.organisation().uuid(), lamps.uuid());
    let root = world.scene.superuser().await;
    root.batch_execute(&format!(
        "insert into product_placements values ('{mine}', gen_random_uuid(), array['{lamps}'::uuid], true, 1, now());
         insert into product_counts values ('{mine}', array['{lamps}'::uuid], 1, 1);
         insert into former_slugs values ('{mine}', null, 'lights', '{lamps}')"
    ))
    .await
    .unwrap();
    let tenant = world.scene.connect(DatabaseRole::App).await;
    let seen = async |table: &str, setting: &str, organisation: &str| -> i64 {
        tenant.batch_execute("begin").await.unwrap();
        if !organisation.is_empty() {
            tenant.batch_execute(&format!("select set_config('{setting}', '{organisation}', true)")).await.unwrap();
        }
        let count = tenant.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0);
        tenant.batch_execute("commit").await.unwrap();
        count
    };
    let (mine, other) = (mine.to_string(), world.scene.other_organisation().uuid().to_string());
    for table in ["categories", "former_slugs", "product_placements", "product_counts"] {
        assert_eq!(seen(table, "app.org", &mine).await, 1, "{table}");
        assert_eq!(seen(table, "app.org", &other).await, 0, "{table}");
        assert_eq!(seen(table, "app.org", "").await, 0, "without an organisation nothing is seen of {table}");
    }
    for table in ["product_placements", "product_counts"] {
        assert_eq!(seen(table, "app.orgs", &format!("{{{mine},{other}}}")).await, 1, "{table}");
        assert_eq!(seen(table, "app.orgs", &format!("{{{other}}}")).await, 0, "{table}");
        let written = format!(
            "begin; select set_config('app.org', '{other}', true); update {table} set org_id = '{other}'; commit"
        );
        tenant.batch_execute(&written).await.unwrap();
        assert_eq!(seen(table, "app.org", &mine).await, 1, "nobody takes a row of {table}");
    }
    let system = world.scene.connect(DatabaseRole::System).await;
    for table in ["categories", "former_slugs"] {
        let refused = system.query(&format!("select 1 from {table}"), &[]).await;
        assert!(refused.is_err(), "the system role has no business in {table}");
    }
    for table in ["product_placements", "product_counts"] {
        assert!(
            system.query(&format!("select categories from {table}"), &[]).await.is_err(),
            "only whose rows {table} has"
        );
        assert_eq!(system.query(&format!("select org_id from {table}"), &[]).await.unwrap().len(), 1);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_lies_is_refused_by_the_table() {
    let world = World::quiet().await;
    let lamps = world.create("lamps", None).await;
    world.create("desk", Some(&lamps)).await;
    let root = world.scene.superuser().await;
    for broken in [
        "update categories set parent_id = category_id where slug = 'lamps'",
        "update categories set path = array[gen_random_uuid()] where slug = 'lamps'",
        "update categories set parent_id = null where slug = 'desk'",
        "update categories set slug = 'Not a slug' where slug = 'desk'",
        "update categories set image = 'http://a.example/' where slug = 'desk'",
        "update categories set icon = '' where slug = 'desk'",
        "update categories set external_references = '[]' where slug = 'desk'",
    ] {
        assert!(root.batch_execute(broken).await.is_err(), "{broken}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(category::NAME, || category::MIGRATIONS, 3).await;
}
