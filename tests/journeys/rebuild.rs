//! The order service's copies of the catalog and of who may do what, made again from their topics by the operator's command.

use devstack::services::SERVICES;
use e2e::{Shop, alone};
use testkit::table_hashes;

use crate::WISHES;

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_a_damaged_copy_of_the_catalog_what_it_was() {
    const DIFFERENT_BY_NATURE: [&str; 1] = ["*.touched_at"];
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "rebuilt").await;
    shop.sell(&store, &[("ONE", 100, 5), ("TWO", 200, 5), ("THREE", 300, 5)]).await;
    store.settled().await;
    let client = store.superuser().await;
    let before = table_hashes(&client, "order", &DIFFERENT_BY_NATURE).await;

    let damage = format!(
        "with mine as (select org_id from auth.organisations where slug = '{}')
         update \"order\".sellable s set price_minor = 1, other_prices = '{{}}', title = 'damaged' from mine where s.org_id = mine.org_id and s.sku = 'ONE';
         delete from \"order\".sellable where sku = 'TWO'; delete from \"order\".sellable_products p
          where not exists (select 1 from \"order\".sellable s where s.org_id = p.org_id and s.product_id = p.product_id);
         insert into \"order\".sellable_products (org_id, product_id, version, removed, touched_at)
         select org_id, gen_random_uuid(), 3, false, now() from auth.organisations where slug = '{}'",
        shop.slug, shop.slug
    );
    client.batch_execute(&damage).await.unwrap();
    let damaged = table_hashes(&client, "order", &DIFFERENT_BY_NATURE).await;
    assert_ne!(damaged["sellable"], before["sellable"]);
    assert_ne!(damaged["sellable_products"], before["sellable_products"]);

    let said = store.cyberctl(&["rebuild", "order", "sellable"]).await;
    println!("{}", said.trim());
    assert!(said.contains("Rebuilt sellable of order"), "{said}");
    let after = table_hashes(&client, "order", &DIFFERENT_BY_NATURE).await;
    assert_eq!(after, before);
    let placed = shop.place(&[("ONE", 1), ("TWO", 1)]).await;
    shop.reaches(placed.order, "confirmed").await;

    let members = "select coalesce(string_agg((to_jsonb(m) - 'touched_at')::text, ' ' order by m.membership), 'nobody') from \"order\".members m";
    let known: String = client.query_one(members, &[]).await.unwrap().get(0);
    assert_ne!(known, "nobody");
    let damage = "update \"order\".members set permissions = '', version = version + 50;
                  insert into \"order\".members (org_id, membership, user_id, permissions, active, version)
                  select org_id, gen_random_uuid(), gen_random_uuid(), 'order:write', true, 1 from auth.organisations";
    client.batch_execute(damage).await.unwrap();
    let said = store.cyberctl(&["rebuild", "order", "members"]).await;
    assert!(said.contains("Rebuilt members of order"), "{said}");
    let rebuilt: String = client.query_one(members, &[]).await.unwrap().get(0);
    assert_eq!(rebuilt, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_every_replica_ready_and_every_topic_as_declared() {
    let store = alone(&WISHES).await;
    store.settled().await;
    let status = store.cyberctl(&["status"]).await;
    for service in SERVICES {
        assert!(status.contains(service.name), "{status}");
    }
    let topics = store.cyberctl(&["topics"]).await;
    for topic in contracts::topics::ALL {
        assert!(topics.contains(topic.name), "{topics}");
    }
}
