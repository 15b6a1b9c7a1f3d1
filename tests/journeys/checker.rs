//! The checker itself: for each invariant a damage that it must notice, made by hand and taken back.

use e2e::{Accepted, Shop, alone, invariants};
use kernel::OrderId;

use crate::WISHES;

/// The invariant, the damage, and what takes it back. `$shop` is the organisation.
const DAMAGES: [(&str, &str, &str); 13] = [
    (
        "I1",
        "update catalog.stock set held = held - 1 where org_id = $shop and sku = 'KEPT'",
        "update catalog.stock set held = held + 1 where org_id = $shop and sku = 'KEPT'",
    ),
    (
        "I2",
        "insert into \"order\".order_intake (org_id, id, status, actor, token_digest, decided_at)
         values ($shop, gen_random_uuid(), 'placed', 'damage', sha256('x'), now())",
        "delete from \"order\".order_intake where actor = 'damage'",
    ),
    (
        "I2",
        "insert into \"order\".order_additions (org_id, order_id, number, state, lines, actor, requested_at)
         select org_id, id, 1, 'open', '[]', 'damage', now() from \"order\".orders where org_id = $shop",
        "delete from \"order\".order_additions where actor = 'damage'",
    ),
    (
        "I3",
        "insert into \"order\".replays select org_id, principal, operation, 'a-second-key', request_digest, status, location,
         body, created_at from \"order\".replays where org_id = $shop limit 1",
        "delete from \"order\".replays where idempotency_key = 'a-second-key'",
    ),
    (
        "I4",
        "update \"order\".order_history set version = 9 where org_id = $shop and version = 2",
        "update \"order\".order_history set version = 2 where org_id = $shop and version = 9",
    ),
    (
        "I5",
        "update catalog.reservations set state = 'released' where org_id = $shop and state = 'held'",
        "update catalog.reservations set state = 'held' where org_id = $shop and state = 'released'",
    ),
    (
        "I5",
        "update catalog.reservations set addition = 1 where org_id = $shop",
        "update catalog.reservations set addition = 0 where org_id = $shop",
    ),
    (
        "I6",
        "update \"order\".orders set version = version + 1 where org_id = $shop",
        "update \"order\".orders set version = version - 1 where org_id = $shop",
    ),
    (
        "I7",
        "insert into catalog.outbox_parked (aggregatetype, aggregateid, cause) values ('x', 'damage', 'x')",
        "delete from catalog.outbox_parked where aggregateid = 'damage'",
    ),
    (
        "I8",
        "insert into \"order\".parked_keys (consumer, topic, key, cause) values ('order', 'x', 'damage', 'x')",
        "delete from \"order\".parked_keys where key = 'damage'",
    ),
    (
        "I9",
        "update notifier.deliveries set state = 'failed', cause = 'damage' where org_id = $shop and kind = 'order-confirmed'",
        "update notifier.deliveries set state = 'sent', cause = null where org_id = $shop and cause = 'damage'",
    ),
    (
        "I12",
        "update \"order\".orders set total_minor = total_minor + 1 where org_id = $shop",
        "update \"order\".orders set total_minor = total_minor - 1 where org_id = $shop",
    ),
    (
        "I13",
        "update notifier.orders set status = 'damaged' where org_id = $shop",
        "update notifier.orders set status = 'confirmed' where org_id = $shop",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_notices_what_breaks_it() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "checked").await;
    shop.sell(&store, &[("KEPT", 100, 5)]).await;
    let placed = shop.place(&[("KEPT", 2)]).await;
    shop.reaches(placed.order, "confirmed").await;
    invariants::assert_sound(&store, &[]).await;
    let client = store.superuser().await;
    let organisation = format!("(select org_id from auth.organisations where slug = '{}')", shop.slug);
    for (invariant, damage, repair) in DAMAGES {
        let run = async |sql: &str| client.execute(&sql.replace("$shop", &organisation), &[]).await.unwrap();
        assert!(run(damage).await > 0, "{invariant} was not damaged");
        let found = invariants::violations(&store, &[]).await;
        assert_eq!(run(repair).await, 1, "{invariant}");
        let named = format!("{invariant} ");
        assert!(found.iter().any(|violation| violation.starts_with(&named)), "{invariant} went unnoticed: {found:?}");
    }
    let lost = Accepted {
        order: OrderId::new(),
        key: "lost".to_owned(),
        path: shop.orders(),
        request: Vec::new(),
        reply: Vec::new(),
    };
    let found = invariants::violations(&store, &[lost]).await;
    assert!(matches!(&found[..], [only] if only.starts_with("I2 ")), "{found:?}");
}
