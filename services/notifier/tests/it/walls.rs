//! What a role may see: the real database roles against the real tables.

use devstack::DatabaseRole;
use kernel::OrderId;
use testkit::{assert_every_way_back, seen_by_batches};

use crate::stage::{Stage, placed};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_own_deliveries_and_no_budget() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let other = testkit::publish(Some(stage.scene.other_organisation()), 1, &placed(OrderId::new()));
    stage.scene.send(&[other]).await;
    stage.told(2).await;
    replica.stop().await;

    let app = stage.scene.connect(DatabaseRole::App).await;
    let seen = async || app.query("select org_id from deliveries", &[]).await.unwrap().len();
    assert_eq!(seen().await, 0, "no organisation, no rows");
    app.batch_execute(&format!("set app.org = '{}'", stage.scene.organisation().uuid())).await.unwrap();
    assert_eq!(seen().await, 1);
    assert_eq!(seen_by_batches(&stage.scene, &app, "deliveries").await, [0, 1, 2]);
    assert!(app.query("select 1 from budgets", &[]).await.is_err(), "budgets are the system's");
    let foreign =
        format!("insert into organisations values ('{}', 'x', 'x', true, 1)", stage.scene.other_organisation().uuid());
    assert!(app.batch_execute(&foreign).await.is_err(), "no row can be written for another organisation");

    let system = stage.scene.connect(DatabaseRole::System).await;
    assert_eq!(system.query("select 1 from deliveries", &[]).await.unwrap().len(), 2);
    assert!(system.batch_execute("delete from organisations").await.is_err(), "the system role only reads names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_own_copy_of_orders_and_stock_and_the_system_neither() {
    let stage = Stage::new().await;
    let row = |organisation: kernel::OrganisationId| {
        format!(
            "insert into orders values ('{0}', gen_random_uuid(), 1, 'pending', 'unpaid', 'unfulfilled', 'shop', 'USD', 1, '[]',
                 0, now(), now(), 1);
             insert into stocks values ('{0}', gen_random_uuid(), false, 'TEA-1', 'in-stock', 1, 1, 1, 1);",
            organisation.uuid()
        )
    };
    let (own, other) = (stage.scene.organisation(), stage.scene.other_organisation());
    stage.superuser.batch_execute(&(row(own) + &row(other))).await.unwrap();
    let app = stage.scene.connect(DatabaseRole::App).await;
    let system = stage.scene.connect(DatabaseRole::System).await;
    for table in ["orders", "stocks"] {
        let statement = format!("select org_id from {table}");
        app.batch_execute("set app.org = ''").await.unwrap();
        assert_eq!(app.query(&statement, &[]).await.unwrap().len(), 0, "{table}: no organisation, no rows");
        app.batch_execute(&format!("set app.org = '{}'", own.uuid())).await.unwrap();
        assert_eq!(app.query(&statement, &[]).await.unwrap().len(), 1, "{table}");
        assert_eq!(seen_by_batches(&stage.scene, &app, table).await, [0, 1, 2], "{table}");
        assert!(app.batch_execute(&format!("delete from {table}")).await.is_err(), "{table}: only the system forgets");
    }
    assert!(app.batch_execute(&row(other)).await.is_err(), "no row can be written for another organisation");
    assert_eq!(system.query("select org_id, id from orders", &[]).await.unwrap().len(), 2);
    for forbidden in ["select total_minor from orders", "select * from stocks", "update orders set total_minor = 1"] {
        assert!(system.batch_execute(forbidden).await.is_err(), "{forbidden}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(notifier::NAME, || notifier::MIGRATIONS, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_own_destinations_and_nothing_of_what_the_bot_reads() {
    let stage = Stage::new().await;
    let row = |organisation: kernel::OrganisationId| {
        format!(
            "insert into destinations (org_id, id, name, state, chat, rules, version, created_at, changed_at)
             values ('{}', gen_random_uuid(), 'x', 'active', -1, '{{}}', 1, now(), now());",
            organisation.uuid()
        )
    };
    let (own, other) = (stage.scene.organisation(), stage.scene.other_organisation());
    stage.superuser.batch_execute(&(row(own) + &row(other))).await.unwrap();
    let app = stage.scene.connect(DatabaseRole::App).await;
    let seen = async || app.query("select org_id from destinations", &[]).await.unwrap().len();
    assert_eq!(seen().await, 0, "no organisation, no rows");
    app.batch_execute(&format!("set app.org = '{}'", own.uuid())).await.unwrap();
    assert_eq!(seen().await, 1);
    app.batch_execute("update destinations set name = 'mine'").await.unwrap();
    assert!(app.batch_execute(&row(other)).await.is_err(), "no row can be written for another organisation");
    assert_eq!(seen_by_batches(&stage.scene, &app, "destinations").await, [0, 1, 2]);
    for table in ["readings", "askers"] {
        assert!(app.query(&format!("select 1 from {table}"), &[]).await.is_err(), "{table} are the system's");
    }
    let system = stage.scene.connect(DatabaseRole::System).await;
    let names = system.query("select name from destinations order by name", &[]).await.unwrap();
    assert_eq!(names.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["mine", "x"]);
    assert!(system.batch_execute("delete from destinations").await.is_err(), "the system deletes none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_reads_who_receives_its_own_messages_and_the_secret_of_none() {
    let stage = Stage::new().await;
    let row = |organisation: kernel::OrganisationId, destination: &str| {
        format!(
            "insert into destinations (org_id, id, kind, name, state, rules, version, created_at, changed_at)
             values ('{0}', '{destination}', 'webhook', 'x', 'active', '{{}}', 1, now(), now());
             insert into recipients (org_id, destination, address, secret)
             values ('{0}', '{destination}', 'https://a.example/', sha256('x'));",
            organisation.uuid()
        )
    };
    let (own, other) = (stage.scene.organisation(), stage.scene.other_organisation());
    let ids = ["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"];
    stage.superuser.batch_execute(&(row(own, ids[0]) + &row(other, ids[1]))).await.unwrap();
    let app = stage.scene.connect(DatabaseRole::App).await;
    let seen = async || app.query("select address from recipients", &[]).await.unwrap().len();
    assert_eq!(seen().await, 0, "no organisation, no rows");
    app.batch_execute(&format!("set app.org = '{}'", own.uuid())).await.unwrap();
    assert_eq!(seen().await, 1);
    for forbidden in ["select secret from recipients", "update recipients set address = 'https://b.example/'"] {
        assert!(app.batch_execute(forbidden).await.is_err(), "{forbidden}");
    }
    let foreign = format!("insert into recipients values ('{}', '{}', 'https://b.example/')", other.uuid(), ids[1]);
    assert!(app.batch_execute(&foreign).await.is_err(), "no row can be written for another organisation");
    app.batch_execute("delete from destinations").await.unwrap();
    let left = stage.superuser.query("select org_id::text from recipients", &[]).await.unwrap();
    assert_eq!(left.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), [other.uuid().to_string()]);
    let system = stage.scene.connect(DatabaseRole::System).await;
    assert_eq!(system.query("select secret from recipients", &[]).await.unwrap().len(), 1);
    assert!(system.batch_execute("update recipients set secret = null").await.is_err(), "the system only reads them");
}
