//! Orders of the release before: what the migration makes of them, and that nothing is lost on the way back.

use devstack::DatabaseRole;
use testkit::Scene;

const UP: &str = include_str!("../../migrations/2026-11-28-100000_life/up.sql");
const DOWN: &str = include_str!("../../migrations/2026-11-28-100000_life/down.sql");
/// What came after it, on the way back and forth.
const LATER_UP: &str = include_str!("../../migrations/2026-11-29-100000_origins/up.sql");
const LATER_DOWN: &str = include_str!("../../migrations/2026-11-29-100000_origins/down.sql");
const NUMBERS_UP: &str = include_str!("../../migrations/2026-11-30-080000_numbers/up.sql");
const NUMBERS_DOWN: &str = include_str!("../../migrations/2026-11-30-080000_numbers/down.sql");
const UNPAID_DOWN: &str = include_str!("../../migrations/2026-11-30-140000_unpaid_holds/down.sql");

/// An order of three pieces in each status of the release before, with its history.
const BEFORE: &str = "
    with o as (
        insert into orders (org_id, id, status, total_minor, currency, token_digest, reasons, cancel_cause, version,
                            placed_at, deadline_at, settled_at, updated_at)
        select gen_random_uuid(), gen_random_uuid(), status, 900, 'USD', sha256(status::bytea), reasons::jsonb, cause,
               case status when 'pending' then 1 else 2 end, now(), now(),
               case status when 'pending' then null else now() end, now()
        from (values ('pending', null, null), ('confirmed', null, null),
                     ('rejected', '[{\"reason\": \"order-cancelled\"}]', null), ('cancelled', null, 'deadline'))
            as old (status, reasons, cause)
        returning org_id, id, status, cancel_cause
    ), l as (
        insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                 variant_title, quantity, unit_price_minor)
        select org_id, id, 0, 'MUG', gen_random_uuid(), gen_random_uuid(), 1, 'Mug', '', 3, 300 from o
    ), begun as (
        insert into order_history (org_id, order_id, version, from_status, to_status, cause, actor, occurred_at)
        select org_id, id, 1, null, 'pending', 'placed', 'shopper', now() from o
    )
    insert into order_history (org_id, order_id, version, from_status, to_status, cause, actor, occurred_at)
    select org_id, id, 2, 'pending', status,
           case status when 'confirmed' then 'reserved' when 'rejected' then 'refused' else cancel_cause end,
           'system:order', now()
    from o where status <> 'pending'";

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_the_release_before_keep_what_they_were_in_both_directions() {
    let scene = Scene::new(order::NAME, order::MIGRATIONS).await;
    let (owner, root) = (scene.connect(DatabaseRole::Owner).await, scene.superuser().await);
    let text = async |sql: &str| -> String { root.query_one(sql, &[]).await.unwrap().get(0) };
    owner.batch_execute(UNPAID_DOWN).await.unwrap();
    owner.batch_execute(NUMBERS_DOWN).await.unwrap();
    owner.batch_execute(LATER_DOWN).await.unwrap();
    owner.batch_execute(DOWN).await.unwrap();
    root.batch_execute(BEFORE).await.unwrap();
    root.batch_execute("update orders set payment_status = 'paid' where status = 'confirmed'").await.unwrap();
    let before = "select string_agg(concat_ws(' ', status, reasons, cancel_cause), '; ' order by status) from orders";
    let were = text(before).await;

    owner.batch_execute(UP).await.unwrap();
    let pieces =
        "select string_agg(concat_ws(' ', o.status, l.quantity, l.cancelled, l.shipped), '; ' order by o.status)
                  from orders o join order_lines l on l.order_id = o.id";
    assert_eq!(text(pieces).await, "cancelled 3 3 0; confirmed 3 0 0; pending 3 0 0; rejected 3 0 0");
    let paid = "select concat_ws(' ', count(*), min(amount_minor), min(kind)) from order_payments";
    assert_eq!(text(paid).await, "1 900 received");
    let history = "select string_agg(concat_ws(' ', event, cause, details -> 'reasons' -> 0 ->> 'reason'), '; '
                                     order by to_status, event)
                   from order_history where version = 2";
    assert_eq!(text(history).await, "cancelled deadline; confirmed reserved; rejected refused order-cancelled");
    // What is written from now on has neither of the two columns, and the release before reads it all the same.
    root.batch_execute("update orders set reasons = null, cancel_cause = null").await.unwrap();
    root.batch_execute("update orders set status = 'on-hold', held = true where status = 'confirmed'").await.unwrap();
    owner.batch_execute(DOWN).await.unwrap();
    assert_eq!(text(before).await, were);
    owner.batch_execute(UP).await.unwrap();
    owner.batch_execute(LATER_UP).await.unwrap();
    let numbers = "select string_agg(number::text, ' ') from orders";
    assert_eq!(text(numbers).await, "1001 1001 1001 1001", "each is the first of its organisation");
    // A replica of the release before goes on placing orders, and knows no numbers.
    owner.batch_execute(NUMBERS_UP).await.unwrap();
    let again = "insert into orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at, deadline_at, updated_at)
                 select org_id, gen_random_uuid(), 'pending', 900, 'USD', sha256(id::text::bytea), 1, now(), now(), now() from orders";
    root.batch_execute(again).await.unwrap();
    root.batch_execute(BEFORE).await.unwrap();
    let numbers = "select string_agg(distinct numbers, '; ') from (select string_agg(number::text, ' ' order by number) as numbers
                   from orders group by org_id) each";
    assert_eq!(text(numbers).await, "1001; 1001 1002");
}
