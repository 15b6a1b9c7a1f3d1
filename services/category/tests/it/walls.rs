//! What the database itself keeps, whatever a program does.

use devstack::DatabaseRole;
use testkit::assert_every_way_back;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenant_role_sees_no_row_of_another_organisation() {
    let world = World::quiet().await;
    world.create("lamps", None).await;
    let tenant = world.scene.connect(DatabaseRole::App).await;
    let seen = async |organisation: &str| -> i64 {
        tenant.batch_execute("begin").await.unwrap();
        if !organisation.is_empty() {
            tenant.batch_execute(&format!("select set_config('app.org', '{organisation}', true)")).await.unwrap();
        }
        let count = tenant.query_one("select count(*) from categories", &[]).await.unwrap().get(0);
        tenant.batch_execute("commit").await.unwrap();
        count
    };
    assert_eq!(seen(&world.scene.organisation().uuid().to_string()).await, 1);
    assert_eq!(seen(&world.scene.other_organisation().uuid().to_string()).await, 0);
    assert_eq!(seen("").await, 0, "without an organisation nothing is seen");
    let system = world.scene.connect(DatabaseRole::System).await;
    assert!(system.query("select 1 from categories", &[]).await.is_err(), "the system role has no business here");
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
    ] {
        assert!(root.batch_execute(broken).await.is_err(), "{broken}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(category::NAME, || category::MIGRATIONS, 2).await;
}
