//! What the database itself keeps, whatever a program does.

use devstack::DatabaseRole;
use serde_json::json;
use testkit::{assert_every_way_back, seen_by_batches};

use crate::world::{World, price};

const TABLES: [&str; 7] =
    ["products", "variants", "stock", "movements", "ledger_sums", "categories", "attribute_definitions"];
/// Tables that are written and read for one organisation at a time only.
const UNBATCHED: [&str; 2] = ["former_slugs", "saved_views"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenant_role_sees_no_row_of_another_organisation() {
    let world = World::quiet().await;
    let lamp = world.create("lamp", &[("LAMP", 100, 1)]).await;
    let (mine, other) = (world.scene.organisation().uuid(), world.scene.other_organisation().uuid());
    world
        .execute(&format!(
            "insert into categories values ('{mine}', gen_random_uuid(), null, 'a', '{{}}', false, 1);
             delete from availability_marks;
             insert into availability_marks (org_id, sku, marked_at) values ('{mine}', 'LATER', now() + interval '1 hour');
             insert into reservations values ('{mine}', gen_random_uuid(), 'void', '[]', null, false, 1, now());
             insert into attribute_definitions values ('{mine}', 'size', 'text', null, '{{}}', '{{}}', 1, 1, now(), now());
             insert into former_slugs select org_id, 'bulb', product_id from products;
             insert into saved_views values ('{mine}', gen_random_uuid(), 1, 'products', 'a', '{{}}', 1, now(), now());"
        ))
        .await;
    let tenant = world.scene.connect(DatabaseRole::App).await;
    let seen = async |organisation: &str, table: &str| -> i64 {
        tenant.batch_execute("begin").await.unwrap();
        if !organisation.is_empty() {
            tenant.batch_execute(&format!("select set_config('app.org', '{organisation}', true)")).await.unwrap();
        }
        let count = tenant.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0);
        tenant.batch_execute("commit").await.unwrap();
        count
    };
    for table in TABLES.into_iter().chain(["reservations", "availability_marks"]).chain(UNBATCHED) {
        assert_eq!(seen(&mine.to_string(), table).await, 1, "{table}");
        assert_eq!(seen(&other.to_string(), table).await, 0, "{table}");
        assert_eq!(seen("", table).await, 0, "{table}: without an organisation nothing is seen");
        let in_batches = if UNBATCHED.contains(&table) { [0, 0, 0] } else { [0, 1, 1] };
        assert_eq!(seen_by_batches(&world.scene, &tenant, table).await, in_batches, "{table} in batches");
    }
    for view in ["searchable_products", "searchable_variants", "searchable_stock", "searchable_categories"] {
        assert_eq!(seen(&mine.to_string(), view).await, 1, "{view}");
        assert_eq!(seen(&other.to_string(), view).await, 0, "{view}");
        assert_eq!(seen("", view).await, 0, "{view}: without an organisation nothing is seen");
        assert_eq!(seen_by_batches(&world.scene, &tenant, view).await, [0, 0, 0], "{view} is for one organisation");
    }
    world
        .execute(&format!(
            "insert into locations values ('{mine}', 'hanoi', 'Hanoi', 1, true, 1, now(), now());
             insert into location_levels values ('{mine}', 'LAMP', 'hanoi', 1);
             insert into stock_settings values ('{mine}', 'most-available', 2, now());
             insert into order_places values ('{mine}', gen_random_uuid(), 'LAMP', 'hanoi', 1);"
        ))
        .await;
    for table in ["locations", "location_levels", "stock_settings", "order_places"] {
        assert_eq!(seen(&mine.to_string(), table).await, 1, "{table}");
        assert_eq!(seen(&other.to_string(), table).await, 0, "{table}");
        assert_eq!(seen_by_batches(&world.scene, &tenant, table).await, [0, 1, 1], "{table} in batches");
    }
    // A batch creates products for its own organisations and for no other one.
    for (batch, is_allowed) in [(format!("{mine}"), false), (format!("{mine},{other}"), true)] {
        let create = format!(
            "begin; set local app.orgs = '{{{batch}}}';
             insert into products (org_id, product_id, slug, title, description, status, price_from_minor, currency,
                                   variant_count, version, created_at, updated_at)
             select '{other}', gen_random_uuid(), slug, title, description, status, price_from_minor, currency,
                    variant_count, version, created_at, updated_at from products"
        );
        let created = tenant.batch_execute(&create).await;
        tenant.batch_execute("rollback").await.unwrap();
        assert_eq!(created.is_ok(), is_allowed, "{created:?}");
    }
    let system = world.scene.connect(DatabaseRole::System).await;
    world
        .owner()
        .post(
            &format!("/admin/v1/variants/{}/prices", lamp["variants"][0]["id"].as_str().unwrap()),
            &json!({"price": price(1)}),
        )
        .await;
    let seen_prices =
        [seen(&mine.to_string(), "prices").await, seen(&other.to_string(), "prices").await, seen("", "prices").await];
    assert_eq!((seen_prices, seen_by_batches(&world.scene, &tenant, "prices").await), ([1, 0, 0], [0, 1, 1]));
    // The history of prices is written by nobody's batch.
    let changed = tenant
        .batch_execute(&format!("begin; set local app.orgs = '{{{mine}}}'; update prices set open = false; commit"))
        .await;
    assert!(changed.is_ok(), "{changed:?}");
    assert_eq!(world.value("select count(*) from prices where open").await, "1", "a batch changed none");
    assert_eq!(
        system.query("select 1 from availability_marks", &[]).await.unwrap().len(),
        1,
        "what is to be published"
    );
    assert!(system.execute("delete from availability_marks", &[]).await.is_err());
    for table in TABLES.into_iter().chain(UNBATCHED) {
        let refused = system.query(&format!("select 1 from {table}"), &[]).await;
        assert!(refused.is_err(), "the system role has no business in {table}");
    }
    for (table, change) in [("reservations", "version = 2"), ("prices", "open = false")] {
        assert_eq!(system.query(&format!("select 1 from {table}"), &[]).await.unwrap().len(), 1, "the sweep finds");
        assert!(system.execute(&format!("update {table} set {change}"), &[]).await.is_err(), "and changes nothing");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_defence_holds() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 100, 3)]).await;
    let root = world.scene.superuser().await;
    for broken in [
        "update stock set reserved = 4",
        "update stock set reserved = 2, held = 2",
        "update stock set on_hand = -1",
        "update stock set held = -1",
        "update stock set safety_stock = -1",
        "update stock set located = 4",
        "update ledger_sums set entries = 0",
        "insert into reservations (org_id, order_id, state, lines, version, updated_at, addition)
         select org_id, gen_random_uuid(), 'void', '[]', 1, now(), -1 from stock",
        "insert into stock_settings select org_id, 'nearest', 1, now() from stock",
        "insert into order_places select org_id, gen_random_uuid(), sku, 'default', 0 from stock",
        "insert into locations select org_id, 'default', 'D', 1, true, 1, now(), now() from stock",
        "insert into location_levels select org_id, sku, 'nowhere', 1 from stock",
        "update stock set backorder_limit = 5",
        "update stock set backorder_limit = null, may_be_short = true",
        "insert into availability_marks (org_id, sku, turned_at) select org_id, 'TURNED', now() from stock",
        "update products set status = 'sold'",
        "update variants set price_minor = -1",
        "update variants set cost_minor = -1",
        "update variants set shop_price_minor = -1",
        "insert into prices (org_id, price_id, product_id, variant_id, kind, amount_minor, currency, valid_from, valid_until,
                             created_at, created_by, open)
         select org_id, gen_random_uuid(), product_id, variant_id, 'window', 1, 'USD', now(), now(), now(), 'x', true
         from variants",
        "insert into prices (org_id, price_id, product_id, variant_id, kind, amount_minor, currency, valid_from, created_at,
                             created_by, open)
         select org_id, gen_random_uuid(), product_id, variant_id, 'base', 1, 'USD', now(), now(), 'x', false from variants",
        "update variants set weight_grams = -1",
        "insert into attribute_definitions
         select org_id, 'size', 'text', null, '{}', '{}', 501, 1, now(), now() from products",
        "insert into saved_views
         select org_id, gen_random_uuid(), 201, 'products', 'a', '{}', 1, now(), now() from products",
        "insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, actor, occurred_at)
         select org_id, sku, variant_id, 'reserve', 0, 1, 0, 'x', now() from stock",
    ] {
        assert!(root.batch_execute(broken).await.is_err(), "{broken}");
    }
    let tenant = world.scene.connect(DatabaseRole::App).await;
    for forbidden in [
        "delete from movements",
        "update movements set reason = ''",
        "delete from reservations",
        "delete from prices",
        "update prices set amount_minor = 1",
        "update prices set valid_from = now()",
        "delete from ledger_sums",
        "delete from stock_settings",
        "update order_places set location = 'default'",
        "delete from locations",
        "delete from location_levels",
        "delete from attribute_definitions",
        "delete from former_slugs",
        "update former_slugs set slug = ''",
        "update saved_views set place = 2",
        "update attribute_definitions set type = 'text'",
    ] {
        let error = tenant.batch_execute(forbidden).await.unwrap_err();
        assert!(format!("{error:?}").contains("permission denied"), "{forbidden}: {error:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_and_index_begins_with_the_organisation() {
    let world = World::quiet().await;
    let offenders = world
        .value(
            "select string_agg(i.indexrelid::regclass::text, ', ')
             from pg_index i join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace
             join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
             where n.nspname = 'catalog' and a.attname <> 'org_id'
               -- The sweeps ask for the next prices of all organisations, and for the newest marks.
               and i.indexrelid not in ('catalog.prices_due'::regclass, 'catalog.availability_marks_due'::regclass)
               and t.relname in ('products', 'variants', 'prices', 'stock', 'movements', 'reservations', 'categories',
                                 'attribute_definitions', 'availability_marks', 'locations', 'location_levels', 'former_slugs',
                                 'saved_views', 'ledger_sums', 'stock_settings', 'order_places')",
        )
        .await;
    assert_eq!(offenders, "");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_migration_has_a_working_way_back() {
    assert_every_way_back(catalog::NAME, || catalog::MIGRATIONS, 6).await;
}
