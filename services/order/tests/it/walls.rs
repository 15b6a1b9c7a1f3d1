//! What the database itself keeps apart: organisations, and what the system role may see.

use access::{Caller, Permission, Role};
use devstack::DatabaseRole;
use mediator::{Mediator, Platform, Query, Scope, SendError};
use order::queries::{
    FindOverdueOrders, FindStalledIntake, FindUnpaidHolds, ListSellingOrganisations, ListStaffedOrganisations,
    MeasureIntake, ReadClock,
};
use testkit::{assert_every_way_back, seen_by_batches};

use crate::world::World;

/// Every table with rows of organisations.
const TABLES: [&str; 12] = [
    "orders",
    "order_lines",
    "order_history",
    "order_numbers",
    "sellable_products",
    "sellable",
    "buyers",
    "order_contacts",
    "order_intake",
    "order_additions",
    "members",
    "answered_actions",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_an_organisation_sees_no_row_and_writes_none() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let named = serde_json::json!({"lines": [{"sku": "MUG", "quantity": 1}], "contact": {"email": "cleo@example.org"}});
    for path in [world.orders(), format!("{}/queue", world.orders())] {
        assert_eq!(world.shopper().post(&path, &named).await.0, 202);
    }
    world
        .execute(
            "insert into order_additions (org_id, order_id, number, state, lines, actor, requested_at)
             select org_id, id, 1, 'open', '[]', 'somebody', now() from orders",
        )
        .await;
    world
        .execute(
            "insert into members (org_id, membership, user_id, permissions, active, version)
             select org_id, gen_random_uuid(), gen_random_uuid(), '', true, 1 from orders limit 1",
        )
        .await;
    world
        .execute(
            "insert into answered_actions (org_id, action_id)
             select org_id, gen_random_uuid() from orders limit 1",
        )
        .await;
    let app = world.scene.connect(DatabaseRole::App).await;
    for table in TABLES {
        let count = |organisation: String| {
            let app = &app;
            async move {
                app.batch_execute(&format!("set app.org = '{organisation}'")).await.unwrap();
                let row = app.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap();
                row.get::<_, i64>(0)
            }
        };
        assert_eq!(count(String::new()).await, 0, "{table} without an organisation");
        assert_eq!(count(world.scene.other_organisation().uuid().to_string()).await, 0, "{table} of another one");
        assert!(count(world.scene.organisation().uuid().to_string()).await > 0, "{table} of its own");
        assert_eq!(seen_by_batches(&world.scene, &app, table).await, [0, 1, 1], "{table} in batches");
    }
    app.batch_execute(&format!("set app.org = '{}'", world.scene.other_organisation().uuid())).await.unwrap();
    let foreign = format!(
        "insert into sellable_products values ('{}', gen_random_uuid(), 1, false, now())",
        world.scene.organisation().uuid()
    );
    assert!(app.batch_execute(&foreign).await.is_err(), "a row of another organisation was written");
    assert!(app.batch_execute("delete from orders").await.is_err(), "the application may delete orders");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_role_sees_which_orders_are_open_and_nothing_else_of_them() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (open, done, paid) = (world.place("MUG").await, world.place("MUG").await, world.place("MUG").await);
    for (order, status, payment) in [(&done, "completed", "unpaid"), (&paid, "confirmed", "paid")] {
        world
            .execute(&format!(
                "update orders set status = '{status}', payment_status = '{payment}', settled_at = now() where id = '{}'",
                order.order.uuid()
            ))
            .await;
    }
    let system = world.scene.connect(DatabaseRole::System).await;
    let rows = system.query("select id::text from orders", &[]).await.unwrap();
    let seen: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(seen, [open.order.uuid().to_string()]);
    assert!(system.query("select order_id from order_lines", &[]).await.unwrap().is_empty(), "nothing is packed");
    for forbidden in [
        "select total_minor from orders",
        "select * from order_lines",
        "update orders set version = 9",
        "select wanted from order_intake",
        "select customer_id from order_intake",
        "select user_id from members",
        "select permissions from members",
        "update order_intake set status = 'refused'",
        "update order_intake set asked_at = now()",
    ] {
        assert!(system.batch_execute(forbidden).await.is_err(), "{forbidden}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_every_organisation_is_answered_to_the_system_alone() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let organisation = world.scene.organisation();
    let owner = testkit::someone(organisation, &[Role::Owner]).caller();
    for caller in [owner, Caller::Shopper { organisation }, Caller::Visitor] {
        let scope = Scope::platform(caller);
        assert!(
            is_forbidden(world.mediator(), &scope, FindOverdueOrders { deadline: world.deadline, limit: 10 }).await
        );
        let stalled = FindStalledIntake { after: std::time::Duration::ZERO, limit: 10 };
        assert!(is_forbidden(world.mediator(), &scope, stalled).await);
        let unpaid = FindUnpaidHolds { after: std::time::Duration::ZERO, limit: 10 };
        assert!(is_forbidden(world.mediator(), &scope, unpaid).await);
        assert!(is_forbidden(world.mediator(), &scope, ListSellingOrganisations).await);
        assert!(is_forbidden(world.mediator(), &scope, ListStaffedOrganisations).await);
        assert!(is_forbidden(world.mediator(), &scope, MeasureIntake).await);
        assert!(is_forbidden(world.mediator(), &scope, ReadClock).await);
    }
    let system = Scope::platform_system(order::NAME);
    let selling = world.mediator().ask(&system, ListSellingOrganisations).await.unwrap();
    assert_eq!(selling.into_iter().collect::<Vec<_>>(), [organisation]);
    world.stop().await;
}

async fn is_forbidden<Q: Query<Tenancy = Platform>>(mediator: &Mediator, scope: &Scope<Platform>, query: Q) -> bool {
    let asked = mediator.ask(scope, query).await;
    matches!(asked, Err(SendError::Forbidden { permission: Permission::System }))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(order::NAME, || order::MIGRATIONS, 3).await;
}
